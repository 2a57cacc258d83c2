// Package query holds the filters that change the query of a request.
//
// It promises: what goes to the backend is encoded as RFC 3986 3.4 wants it,
// whatever a placeholder brought along; after a parameter was set or dropped no
// other spelling of it is left, because the query is written anew from what
// could be understood, sorted by name as the peer does.
//
// It does not change a query that no filter names.
//
// Start reading at set.go.
package query
