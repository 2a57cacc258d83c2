// Package table is the routing table: it finds the route of a request by path,
// host and the other predicates, in the order that the peer has (spec 1.6), in
// a fraction of a microsecond and without garbage, whatever the number of
// routes.
//
// # The order
//
//  1. The path tree decides first: at each segment a literal goes before
//     ":name", and that before a free wildcard "*name". Where none of a
//     position's routes matches otherwise, the search goes back and tries the
//     next position.
//  2. Routes of one position are tried by Weight, the heaviest first, and those
//     of one weight by ID.
//  3. Only when no route with a path matches, those without one are tried, in
//     the order of 2.
//
// # The walk
//
// Lookup descends the path tree (walk in lookup.go). A tree node holds up to
// three sets of routes: for its own path, for everything below it, and for both
// (PathSubtree stands in the table once). At each position that the path
// reaches, the slots of two sets are merged (match). A set is one ordered index
// of slots by host, weight and id, so the routes that a host can reach are a
// few runs in it: one for each spelling of the host (as it is, without port,
// without trailing dot), one for each domain above it that has wildcards, and
// one for the routes whose host condition, if any, is no known shape. Each run
// is found by a search for its key, and the merge tries the slots of all runs
// in the order of 2. Only then are the remaining predicates of a route asked, in
// the order in which they stand.
//
// Which shapes of regular expressions the index knows, ParseHostPattern says.
// All others stay what they are and are tried one after the other: nothing is
// remembered about hosts.
//
// Update makes a new table from an old one. Both the nodes of the tree and the
// indexes are persistent (kit/btree): a change copies the way to the places it
// touches, some 10 KB among 100,000 routes, and one Update copies no node twice.
//
// # What it promises
//
//   - A Table never changes. Readers keep the one they have for as long as they
//     want.
//   - Lookup allocates nothing, but for params that do not fit and values with
//     "%" or "+".
//   - Lookup sees no tree node twice, so its cost is bounded by the number of
//     routes whose paths share their beginning with the request's, and of those
//     only the ones that its host can reach are asked. Keys are hashes with a seed of their
//     own, which nobody can aim at. Of a host, at most eight suffixes of at most
//     255 bytes are looked at; a pattern is at most 8 KB long.
//   - A route that cannot be placed harms no other.
//
// # What it does not do
//
// It knows no predicate by name, only the contracts of package predicate. It
// does not clean the request's path, and does not decide what happens to routes
// that cannot be placed, or who wins when two sources use one id.
//
// # Where it differs from the peer
//
//   - Routes of one weight at one position are tried in the order of their ids;
//     the peer's order there changes with every rebuild.
//   - ":" without a name matches a segment and binds nothing. The peer lets the
//     names beside it slip to other values.
//   - A pattern with a wildcard inside of a segment, or with a free wildcard that
//     is not last, is a Problem of its route.
//   - The host is looked up before, not after, the method. Predicates do not
//     change the request, so nobody can tell.
//
// Kept on purpose: an empty pattern is no condition, and the values of wildcards
// are decoded a second time, "+" included.
//
// Start reading at Table, then search in lookup.go.
package table
