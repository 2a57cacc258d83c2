// Package apptest runs the whole proxy in tests, as the command runs it, with
// every filter, predicate and source there is.
//
//	p := apptest.Start(t, `* -> inlineContent("hello") -> <shunt>`, "-enable-h2c-server")
//	resp, err := http.Get("http://" + p.Addr)
//
// The walk: Start takes the routes of an eskip document and flags, waits until the
// proxy listens, and ends it with the test; Backend runs a server behind it;
// Eventually waits for what happens soon.
//
// It promises ports of its own on loopback, and that the test fails when the proxy
// does not end as it should. It does not fake anything.
//
// Start reading at Start.
package apptest
