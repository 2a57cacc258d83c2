package proxy

import (
	"errors"
	"io"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// errPayloadTooLarge is what reading a body above -max-content-length gives.
var errPayloadTooLarge = &filter.BodyError{
	Reason: message.ReasonPayloadTooLarge,
	Err:    errors.New("request body is longer than -max-content-length allows"),
}

// bodyReason returns why the reader of a body gave up, ReasonNone when none of
// ours did.
func bodyReason(err error) message.Reason {
	var be *filter.BodyError
	if errors.As(err, &be) {
		return be.Reason
	}
	return message.ReasonNone
}

// upload returns what sends the request's body while the response is read, nil
// when it was sent before, or there is none.
func (e *passage) upload() exchange.Upload {
	if r := e.attempt.req; r != nil {
		if u, ok := r.Body.(exchange.Upload); ok {
			return u
		}
	}
	return nil
}

// uploadReason returns why the reader of the request's body gave up while it was
// sent, ReasonNone when it did not.
func (e *passage) uploadReason() message.Reason {
	if u := e.upload(); u != nil {
		return bodyReason(u.BodyError())
	}
	return message.ReasonNone
}

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
