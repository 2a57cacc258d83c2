// Package timeout holds the filters that bound how long a client may take.
//
// It promises that the limits hold for the exchange of the route alone, whatever
// version of HTTP it comes by. Under HTTP/2 they may be noticed a quarter of a
// second late.
//
// It does not bound the backend: that is backendTimeout of package forward.
//
// Start reading at read.go.
package timeout
