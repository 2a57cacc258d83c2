// Package balance holds the load balancing algorithms of the route language
// (spec 1.4): how one endpoint is chosen for a request among those of its route.
//
// The walk: each algorithm is declared once with backend.DefineAlgorithm in a
// file of its own; a route that names it gets an instance over its endpoints,
// and the forwarding step asks Pick for each attempt. All of them look first for
// endpoints that are usable; when health checks leave none they take any that
// was not tried yet (nth, candidates.go).
//
// The package promises that Pick takes no memory and no lock, but for the short
// one of weightedRoundRobin; that load which cannot go to an endpoint that is
// down spreads over all others and not over its neighbour; and that nil means
// only that every endpoint was tried.
//
// It does not decide who is healthy, does not count requests (whoever sends one
// does) and does not retry.
//
// Start reading at roundRobin, then nth.
package balance
