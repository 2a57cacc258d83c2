// Package trace holds the filters that say something for the trace of a request:
// the name of its span and tags.
//
// The walk: the filters write into filter.Context.Trace, and who records traces
// reads it at the end of the exchange. Nothing here knows whether anybody does.
//
// It promises that a tag whose value is missing is not set, and that a request has
// a bounded number of tags. It sends nothing anywhere.
//
// Start reading at tag.go.
package trace
