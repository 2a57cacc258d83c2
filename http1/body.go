package http1

import (
	"io"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Body is the body of a message that is being read from a connection. It
// implements exchange.Body.
type Body struct {
	in      *input
	length  int64 // message.Unknown: chunked; untilClose; otherwise bytes left
	chunks  chunked
	data    []byte // decoded and not yet handed out (chunked only)
	trailer *message.Header
	done    bool
	err     error
	read    int64 // bytes handed out

	// onRead runs before the first byte is waited for (100-continue).
	onRead func() error
	// onWait runs before each wait for input: it renews time limits.
	onWait func()
	// onWaited runs after it.
	onWaited func()
}

// begin prepares b for a body of the given length.
func (b *Body) begin(in *input, length int64, trailer *message.Header) {
	*b = Body{in: in, length: length, trailer: trailer, done: length == 0}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
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

// Consumed returns how many bytes of the body were read.
func (b *Body) Consumed() int64 { return b.read }

// Ends implements exchange.Body.
func (b *Body) Ends(n int) bool {
	if b.length >= 0 {
		return b.length == int64(n)
	}
	return b.done && len(b.data) <= n
}

// Left implements exchange.Body.
func (b *Body) Left() int64 { return max(b.length, message.Unknown) }

// Next implements exchange.Body.
func (b *Body) Next(size int) ([]byte, error) {
	for {
		data, err := b.Arrived()
		if len(data) > 0 || err != nil {
			return data, err
		}
		if b.onRead != nil {
			before := b.onRead
			b.onRead = nil
			if err := before(); err != nil {
				return nil, b.fail(err)
			}
		}
		if b.onWait != nil {
			b.onWait()
		}
		end, err := b.in.fill(size)
		if b.onWaited != nil {
			b.onWaited()
		}
		if err != nil {
			return nil, b.fail(err)
		}
		if end {
			return nil, b.streamEnded()
		}
	}
}

// Arrived implements exchange.Body.
func (b *Body) Arrived() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	if len(b.data) > 0 {
		return b.data, nil
	}
	if b.done {
		return nil, io.EOF
	}
	data := b.in.unread()
	switch {
	case b.length >= 0:
		return data[:min(int64(len(data)), b.length)], nil
	case b.length == untilClose:
		return data, nil
	}
	n, used, err := b.chunks.decode(data)
	b.in.r += used
	if err != nil {
		return nil, b.fail(err)
	}
	if b.chunks.state == chunkDone {
		b.done = true
		if err := b.chunks.fields(b.trailer); err != nil {
			b.done = false
			return nil, b.fail(err)
		}
	}
	b.data = data[:n]
	if n == 0 && b.done {
		return nil, io.EOF
	}
	return b.data, nil
}

// Consume implements exchange.Body.
func (b *Body) Consume(n int) {
	b.read += int64(n)
	switch {
	case b.length == message.Unknown:
		b.data = b.data[n:]
	case b.length == untilClose:
		b.in.r += n
	default:
		b.in.r += n
		b.length -= int64(n)
		b.done = b.length == 0
	}
}

// streamEnded decides what the end of the connection means for the body.
func (b *Body) streamEnded() error {
	if b.length == untilClose {
		b.done = true
		return io.EOF
	}
	return b.fail(exchange.ErrUnexpectedEnd)
}

func (b *Body) fail(err error) error {
	b.err = err
	return err
}

// Whole implements exchange.Body. A body that the client waits to be asked for
// has not arrived.
func (b *Body) Whole() ([]byte, bool) {
	if b.length < 0 || b.err != nil || b.onRead != nil {
		return nil, false
	}
	data := b.in.unread()
	if int64(len(data)) < b.length {
		return nil, false
	}
	return data[:b.length], true
}

// drain reads and drops up to most bytes and reports whether the end was
// reached.
func (b *Body) drain(most int64) bool {
	for !b.done && most > 0 {
		data, err := b.Next(buf.Medium)
		if err != nil {
			return err == io.EOF //nolint:errorlint // Next returns it bare
		}
		b.Consume(len(data))
		most -= int64(len(data))
	}
	return b.done
}
