// Package query holds the predicate on the query of a request, QueryParam.
//
// Start reading at parameter.
package query
