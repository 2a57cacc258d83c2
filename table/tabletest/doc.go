// Package tabletest says which route wins, in the plainest way there is: every
// route is tried (spec 1.6). Tests compare the routing table with it.
//
// The walk: Table.Lookup finds for each route the places in the path tree that the
// path reaches, sorts the routes by place, weight and id, and asks all predicates
// of one after the other. It shares no code with package table, and no memory of
// what it did before.
//
// It promises to be right and not to be fast.
//
// Start reading at Table.Lookup.
package tabletest
