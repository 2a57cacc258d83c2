// Package respond holds the filters that answer requests, or change what the
// answer is.
//
// The walk: inlineContent and redirectTo answer on the way down, and no backend
// is asked; status and inlineContentIfStatus change the response on the way up,
// whoever made it, and loopbackIfStatus asks the routes for another one.
//
// It promises: a Location that was made from a request holds nothing but a URL,
// and its host is the one that the client or a filter named.
//
// It does not serve files: package static does.
//
// Start reading at inline.go.
package respond
