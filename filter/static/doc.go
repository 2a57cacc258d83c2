// Package static holds the filter that serves files.
//
// The walk: Request strips the prefix and lets net/http's file server decide
// what to answer, with a directory that cannot be left (directory.go) and a
// recorder in the place of a connection (recorder.go). When the answer is a
// file, nothing of it has been read yet: the body of the response is the file
// itself (body.go), which the engine can send without copying.
//
// It promises: conditional requests, HEAD and ranges as RFC 9110 13 and 14 want
// them; no path and no symbolic link leads out of the directory; only regular
// files are served.
//
// It answers requests for several ranges with the whole file, and it does not
// cache or compress.
//
// Start reading at static.go.
package static
