// Package block holds the filters that refuse requests by what is in their
// bodies.
//
// The walk: a body that has arrived whole is searched at once (find), and passes
// untouched or is answered 400. Others are searched while they are sent on: guarded
// is a reader that holds back what may be the beginning of a text to block, and
// fails when one is complete.
//
// It promises: a text is found however the body is cut into pieces; no text passes
// whole, and a request of which the backend saw the beginning is broken off, never
// completed; each byte is looked at once for each text, and what is held back is
// never more than the longest text; nothing waits for more than it needs, so
// bodies that stream go on streaming.
//
// It does not decode: what is compressed, encrypted or written otherwise is not
// recognized. It does not look into heads and responses.
//
// Start reading at block.go.
package block
