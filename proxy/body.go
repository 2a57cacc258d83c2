package proxy

import (
	"errors"
	"io"
)

// errPayloadTooLarge is what reading a body above -max-content-length gives.
var errPayloadTooLarge = errors.New("request body is longer than -max-content-length allows")

// limitedBody is a request body of unknown length with a bound.
type limitedBody struct {
	r    io.Reader
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errPayloadTooLarge
	}
	return n, err
}
