package embed

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"fairlead.dev/fairlead/message"
)

// outbound is the body of a response that a middleware writes. The goroutine of
// the exchange reads it.
type outbound struct {
	r     *run
	below io.Reader // closed with it; may be nil
	left  int64     // bytes to come, negative when that is not known
	err   error
}

// Read implements io.Reader.
func (b *outbound) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for b.err == nil {
		if w := b.r.pending; w != nil {
			n := copy(p, w.p)
			b.left -= int64(n)
			if w.p = w.p[n:]; len(w.p) == 0 {
				b.r.pending = nil
				w.reply <- reply{}
			}
			if n > 0 {
				return n, nil
			}
			continue
		}
		switch e := b.r.await(); e.kind {
		case written:
			b.r.pending = &e
		case finished:
			if b.err = io.EOF; e.panicked {
				b.err = e.err
			}
		case clientGone:
			b.err = errEnded
		}
	}
	return 0, b.err
}

// Close implements io.Closer. A middleware whose whole answer was read runs to its
// end before.
func (b *outbound) Close() error {
	if b.left == 0 && b.err == nil {
		b.r.drain()
	}
	b.r.end()
	closeReader(b.below)
	return nil
}

// inbound is the body of a request as a middleware sees it.
type inbound struct {
	r   *run
	src io.Reader // nil: there is none

	mu    sync.Mutex
	stage stage
	n     int64 // bytes read
}

// stage says who may read a request's body.
type stage uint8

const (
	asking     stage = iota // the middleware, by way of the exchange
	forwarding              // what the middleware made of it, as it is sent
	over                    // nobody here
)

// Read implements io.Reader for the middleware.
func (b *inbound) Read(p []byte) (int, error) {
	if b.src == nil {
		return 0, io.EOF
	}
	b.mu.Lock()
	now := b.stage
	b.mu.Unlock()
	switch now {
	case asking:
		a := b.r.ask(event{kind: readRequest, p: p})
		return a.n, a.err
	case forwarding:
		return b.src.Read(p)
	}
	return 0, errors.New("the request's body was forwarded")
}

// Close implements io.Closer.
func (b *inbound) Close() error { return nil }

// read reads a piece, on the side of the exchange.
func (b *inbound) read(p []byte) reply {
	if b.stage != asking {
		return reply{err: errors.New("the request's body was forwarded")}
	}
	n, err := b.src.Read(p)
	b.n += int64(n)
	return reply{n: n, err: err}
}

func (b *inbound) enter(s stage) {
	b.mu.Lock()
	b.stage = s
	b.mu.Unlock()
}

// handOn makes what the middleware left of the body of from the body of to.
func (b *inbound) handOn(to *message.Request, from *http.Request) {
	switch {
	case from.Body == nil || from.Body == http.NoBody:
		b.enter(over)
		to.SetBody(nil, 0)
	case from.Body == io.ReadCloser(b):
		b.enter(over)
		if b.n > 0 && to.ContentLength != message.Unknown {
			to.ContentLength -= b.n
		}
		if to.ContentLength == 0 {
			to.SetBody(nil, 0)
		}
	default:
		b.enter(forwarding)
		length := from.ContentLength
		if length <= 0 {
			length = message.Unknown
		}
		to.SetBody(&replaced{from.Body, b}, length)
	}
}

// replaced is a body that the middleware put in the place of the client's.
type replaced struct {
	io.ReadCloser
	in *inbound
}

// Close implements io.Closer.
func (b *replaced) Close() error {
	err := b.ReadCloser.Close()
	closeReader(b.in.src)
	return err
}
