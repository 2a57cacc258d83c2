// Package path holds the filters that change the path of a request.
//
// It promises: what goes to the backend is a path, starting with a slash, with
// everything encoded that must be (RFC 3986 3.3), whatever a placeholder
// brought along. It does not resolve "." and "..": a path made of what clients
// send is for the backend to judge.
//
// Start reading at set.go.
package path
