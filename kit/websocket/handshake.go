package websocket

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 has it, and no secret depends on it
	"encoding/base64"
)

// NewKey returns a value for Sec-WebSocket-Key (RFC 6455 4.1).
func NewKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// Accept returns the Sec-WebSocket-Accept that answers key (RFC 6455 4.2.2).
func Accept(key string) string {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum([]byte(key + guid)) //nolint:gosec // see above
	return base64.StdEncoding.EncodeToString(sum[:])
}
