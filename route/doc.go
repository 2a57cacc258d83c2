// Package route compiles definitions of the route language into what the proxy
// executes: predicates and filters are constructed, endpoints are acquired, the
// load balancing algorithm is set up.
//
// The walk: Compiler.Compile takes one eskip.Route and gives a Route or a
// source.Problem. It looks every predicate and filter up by name, checks the
// arguments against the declared parameters and calls the constructors; then
// it resolves the backend. It goes on after a mistake, so that a Problem tells
// everything that is wrong with the definition, each mistake with the place of
// the call it is about.
//
// It promises that a Route never changes, that a definition which does not
// compile leaves nothing behind (what was constructed is closed, endpoints are
// released), and that neither a wrong definition nor a panicking constructor
// harms another route.
//
// It does not decide which routes exist (control), which one a request takes
// (table) or when an old one may be closed: Close must be called once nobody
// uses the route any more.
//
// Start reading at Route, then Compiler.Compile.
package route
