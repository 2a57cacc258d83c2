// Package filtertest helps people who write filters to test them without a
// proxy: it makes filters from their declarations and runs them over one
// exchange, in the order of the proxy.
//
//	x := filtertest.New(t)
//	x.Request.Header.Add("Host", "www.example.org")
//	x.Run(filtertest.Build(t, "setPath", "/x"))
//	if x.Request.Path != "/x" { ... }
//
// The walk: New makes the request of a client, Build and BuildError make
// filters, Run goes down the filters, answers as the backend unless a filter
// did, and goes up again. Then look at the Request as the backend gets it, the
// Response and the Context.
//
// It promises to call phases as the proxy does: hints are respected, and a
// filter that answers ends the way down. It does not forward, frame or retry,
// and it does not run routes.
//
// Start reading at Exchange.
package filtertest
