// Package websocket knows where the frames of a WebSocket connection begin and
// end (RFC 6455 5.2), so that somebody who passes the bytes on can put a frame of
// its own between two others. It knows the key and its answer in the handshake of
// HTTP/1, too, for who stands between that and other versions (RFC 8441 5).
//
// It promises: Frames never looks at payloads, allocates nothing and takes any
// cut of the input. It does not check what the frames say: both ends do.
//
// Start reading at Frames.
package websocket
