// Package certtest makes certificates for tests: authorities, servers, clients,
// and everything that is wrong with them on purpose.
//
// The walk: New makes an authority; Server and Client issue the usual pairs,
// Issue takes a Leaf that says more: names, times, RSA, a foreign key. A Pair
// is there as PEM, as tls.Certificate and, with Write, as files.
//
//	ca := certtest.New(t, "test ca")
//	pair := ca.Server(t, "example.org", "127.0.0.1")
//	server := &tls.Config{Certificates: []tls.Certificate{pair.TLS}}
//	client := &tls.Config{RootCAs: ca.Pool(), ServerName: "example.org"}
//
// It promises: keys are made in the process and are quick (ECDSA P-256; the one
// RSA key is made when it is first asked for and shared); every mistake fails
// the test that made it. It starts no goroutine.
//
// What it does not do: revocation, chains longer than one intermediate, and
// anything that should be trusted outside of a test.
//
// Start reading at New.
package certtest
