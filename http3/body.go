package http3

import (
	"io"
	"sync/atomic"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// owner is the stream that a body comes by.
type owner interface {
	chat(n int, what string) error // pays for frames that carry nothing
	bodyFailed(err error)
	limitRead() // looks at held
	beginWait(got int64)
	endWait()
}

// body is the body of a request: what comes in DATA frames. It implements
// exchange.Body. One goroutine uses it at a time, but for HoldRead.
type body struct {
	of      owner
	in      *input
	trailer *message.Header

	length  int64  // as declared, or message.Unknown
	framed  int64  // bytes of all DATA frames so far
	read    int64  // bytes that were consumed
	frame   uint64 // what is left of the DATA frame
	skip    uint64 // what is left of a frame that nobody knows
	block   uint64 // length of the trailer section
	pending bool   // it comes next
	trailed bool   // it came, or begins
	tunnel  bool   // no trailers
	done    bool
	err     error
	held    atomic.Bool

	// onRead runs before data is first waited for (100-continue).
	onRead func() error
}

// begin prepares b for what comes by in.
func (b *body) begin(of owner, in *input, length int64, trailer *message.Header) {
	b.of, b.in, b.length, b.trailer = of, in, length, trailer
}

// Next implements exchange.Body.
func (b *body) Next(size int) ([]byte, error) {
	for {
		data, err := b.Arrived()
		if len(data) > 0 || err != nil {
			return data, err
		}
		if ask := b.onRead; ask != nil {
			b.onRead = nil
			if err := ask(); err != nil {
				return nil, b.fail(err)
			}
		}
		b.of.beginWait(b.read)
		err = b.in.fill(min(max(size, buf.Small), buf.Large))
		b.of.endWait()
		if err != nil && b.in.err == nil {
			if b.held.Load() {
				return nil, sock.ErrTimeout
			}
			return nil, b.fail(err) // too slow
		}
	}
}

// Arrived implements exchange.Body.
func (b *body) Arrived() ([]byte, error) {
	if b.held.Load() {
		return nil, sock.ErrTimeout
	}
	if b.err != nil {
		return nil, b.err
	}
	if err := b.advance(); err != nil {
		if err == errWait { //nolint:errorlint // returned bare
			return nil, nil
		}
		return nil, b.fail(err)
	}
	if b.done {
		return nil, io.EOF
	}
	data := b.in.unread()
	return data[:min(uint64(len(data)), b.frame)], nil
}

// advance goes on to the next byte of the body, or to its end, without waiting.
func (b *body) advance() error {
	for b.frame == 0 && !b.done {
		if b.skip > 0 {
			if b.skip -= b.in.skip(b.skip); b.skip > 0 {
				return b.missing()
			}
		}
		if b.pending {
			if err := b.readTrailers(); err != nil {
				return err
			}
		}
		kind, length, err := b.in.frame(false)
		if err == io.EOF { //nolint:errorlint // returned bare
			return b.streamEnded()
		}
		if err != nil {
			return b.cut(err)
		}
		if err := b.startFrame(kind, length); err != nil {
			return err
		}
	}
	if b.frame > 0 && len(b.in.unread()) == 0 {
		return b.missing()
	}
	return nil
}

// missing says why a frame does not go on.
func (b *body) missing() error {
	if b.in.err != nil {
		return b.cut(b.in.err)
	}
	return errWait
}

// cut makes a fault of the protocol of a stream that ends within a frame (RFC
// 9114 7.1).
func (b *body) cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // returned bare
		return connError(CodeFrame, "the stream ended within a frame")
	}
	return err
}

func (b *body) startFrame(kind, length uint64) error {
	switch {
	case notOnRequests(kind):
		return connError(CodeFrameUnexpected, "frame 0x%x on a request stream", kind)
	case kind == frameData:
		return b.startData(length)
	case kind != frameHeaders:
		b.skip = length
		return b.of.chat(1, "a frame that nobody knows")
	case b.trailed || b.tunnel:
		return connError(CodeFrameUnexpected, "HEADERS where none may follow")
	case length > mostTrailerBytes:
		return message.Malformed(message.ReasonBadTrailer, "trailers with %d bytes, at most %d are read", length, mostTrailerBytes)
	}
	b.trailed, b.pending, b.block = true, true, length
	return nil
}

func (b *body) startData(length uint64) error {
	switch {
	case b.trailed:
		return connError(CodeFrameUnexpected, "DATA behind the trailers")
	case length == 0:
		return b.of.chat(1, "empty DATA")
	case length > 1<<62 || b.length >= 0 && int64(length) > b.length-b.framed:
		return message.Malformed(message.ReasonBodyMalformed, "more DATA than the %d bytes of Content-Length", b.length)
	}
	b.framed += int64(length)
	b.frame = length
	return nil
}

func (b *body) readTrailers() error {
	n := int(b.block)
	if err := b.in.need(n, false); err != nil {
		if err == io.EOF { //nolint:errorlint // returned bare
			err = io.ErrUnexpectedEOF
		}
		return b.cut(err)
	}
	err := decodeTrailers(b.in.unread()[:n], b.trailer)
	b.in.r += n
	b.pending = false
	return err
}

// streamEnded decides whether all of the body came (RFC 9114 4.1.2).
func (b *body) streamEnded() error {
	if b.length >= 0 && b.framed != b.length {
		return message.Malformed(message.ReasonBodyMalformed, "%d bytes of DATA, Content-Length is %d", b.framed, b.length)
	}
	b.done = true
	return nil
}

// fail keeps why there is no more.
func (b *body) fail(err error) error {
	b.err = err
	b.of.bodyFailed(err)
	return err
}

// Consume implements exchange.Body.
func (b *body) Consume(n int) {
	b.in.r += n
	b.frame -= uint64(n)
	b.read += int64(n)
	if b.in.r == b.in.w {
		b.in.release()
	}
}

// Ends implements exchange.Body.
func (b *body) Ends(n int) bool {
	switch {
	case b.err != nil:
		return false
	case b.done:
		return n == 0
	case b.length >= 0:
		return b.length-b.read == int64(n)
	}
	last := b.in.err == io.EOF && uint64(len(b.in.unread())) == b.frame //nolint:errorlint // kept bare
	return last && b.frame > 0 && b.frame == uint64(n)
}

// Whole implements exchange.Body. A body that the client waits to be asked for
// has not arrived.
func (b *body) Whole() ([]byte, bool) {
	if b.length < 0 || b.err != nil || b.onRead != nil {
		return nil, false
	}
	left := uint64(b.length - b.read)
	if left == 0 {
		return nil, true
	}
	if data, err := b.Arrived(); err == nil && uint64(len(data)) == left {
		return data, true
	}
	return nil, false
}

// Left implements exchange.Body.
func (b *body) Left() int64 {
	switch {
	case b.done:
		return 0
	case b.length >= 0:
		return b.length - b.read
	}
	return message.Unknown
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	data, err := b.Next(buf.Medium)
	if err != nil {
		return 0, err
	}
	n := copy(p, data)
	b.Consume(n)
	return n, nil
}

// HoldRead implements exchange.BodySource.
func (b *body) HoldRead(on bool) {
	b.held.Store(on)
	b.of.limitRead()
}
