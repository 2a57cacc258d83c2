// Package predicatetest is the suite that every predicate passes, and what
// tables of predicates are written in.
//
// Matches and Rejects run tables whose rows are pieces of the route language
// and requests in the form they have on the wire. Run takes every predicate
// that the test binary links and checks its declaration: its example parses and
// constructs, and its instances survive requests with nothing in them and
// arguments of the wrong number and type.
//
// Start reading at Matches.
package predicatetest
