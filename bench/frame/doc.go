// Package frame reads and writes the frames of HTTP/2 (RFC 9113, section 4) for
// both ends of a benchmark: the clients of package drive and command origin.
//
// The walk: [Cutter.Feed] cuts frames out of what a socket gave, [Content]
// takes padding off, [Append] and its sisters write. [Blocks] encodes a
// sequence of headers once, so that sending it again costs a copy.
//
// It promises no copy of a frame that came whole and a bound on what it keeps.
// It knows nothing of streams, and it does not police what a server must not
// send: that is for the tests of the servers.
//
// Start reading at Cutter.Feed.
package frame
