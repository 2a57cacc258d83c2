package proxy

import (
	"errors"
	"io"
	"slices"
	"sync"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// replay keeps what is read of a request's body, up to a bound, so that the body
// can be sent again. Attempts follow each other, or begin when all of it was read.
type replay struct {
	req  *message.Request // of the client: where its trailers come to stand
	src  io.Reader
	from exchange.BodySource // of src; may be nil
	most int
	held bool // the source is
	// resumes says that reading the source can go on after it was held up. Of the
	// readers of filters nobody knows: most never forget an error.
	resumes bool
	spoiled bool // held up in vain

	mu    sync.Mutex
	kept  []byte
	state replayState
	err   error // that ended the body; io.EOF when it was whole
}

type replayState uint8

const (
	replayNew  replayState = iota // nothing was read
	replayKept                    // all that was read is kept
	replayOver                    // it is longer than the bound
)

// newReplay keeps the body of r. What has arrived as a whole is taken at once: then
// it goes out together with the head.
func newReplay(r *message.Request, most int, from exchange.BodySource) *replay {
	p := &replay{req: r, src: r.Body, from: from, most: most}
	_, p.resumes = r.Body.(*limitedBody)
	if b, ok := r.Body.(exchange.Body); ok {
		p.resumes = true
		if data, all := b.Whole(); all && len(data) <= most && b.Ends(len(data)) {
			p.kept, p.state, p.err = slices.Clone(data), replayKept, io.EOF
			b.Consume(len(data))
		}
	}
	return p
}

// again returns the body from its beginning, for own.
func (p *replay) again(own *message.Request) io.Reader {
	if p.whole() {
		own.Trailer = p.req.Trailer
		return &keptBody{left: p.kept}
	}
	return &replayReader{replay: p, own: own}
}

// HoldRead implements exchange.BodySource: when all was read there is nothing to be
// held up.
func (p *replay) HoldRead(on bool) {
	if p.from == nil || on && p.whole() || !on && !p.held {
		return
	}
	p.held = on
	if on && !p.resumes {
		p.mu.Lock()
		p.spoiled = true
		p.mu.Unlock()
	}
	p.from.HoldRead(on)
}

// begun reports whether something was read.
func (p *replay) begun() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state != replayNew
}

// possible reports whether the body can be sent again.
func (p *replay) possible() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state != replayOver && !p.spoiled
}

// whole reports whether all of the body is kept.
func (p *replay) whole() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == replayKept && p.err == io.EOF //nolint:errorlint // stored bare
}

// replayReader reads what is kept and then the source.
type replayReader struct {
	*replay
	own *message.Request
	at  int
}

// Read implements io.Reader.
func (r *replayReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	n := copy(b, r.kept[min(r.at, len(r.kept)):])
	over, err := r.state == replayOver, r.err
	r.mu.Unlock()
	switch {
	case n > 0:
		r.at += n
		return n, nil
	case len(b) == 0:
		return 0, nil
	case over && r.at == 0:
		return 0, errNotKept
	case err == io.EOF:
		r.own.Trailer = r.req.Trailer
		return 0, io.EOF
	}
	n, err = r.src.Read(b) // without the lock: it waits for the client
	r.keep(b[:n], err)
	r.at += n
	if err == io.EOF {
		r.own.Trailer = r.req.Trailer
	}
	return n, err
}

var errNotKept = errors.New("the body was too long to be kept")

// keep takes note of what was read.
func (r *replayReader) keep(data []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(data) > 0 && r.state == replayNew {
		r.state = replayKept
	}
	if r.state == replayKept {
		if len(r.kept)+len(data) > r.most {
			r.state, r.kept = replayOver, nil
		} else {
			r.kept = append(r.kept, data...)
		}
	}
	if err == io.EOF { //nolint:errorlint // bodies return it bare
		r.err = err
		if r.state == replayNew {
			r.state = replayKept
		}
	}
}

// keptBody is a body that is in memory as a whole. It implements exchange.Body.
type keptBody struct{ left []byte }

// Read implements io.Reader.
func (b *keptBody) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// Next implements exchange.Body.
func (b *keptBody) Next(int) ([]byte, error) { return b.Arrived() }

// Arrived implements exchange.Body.
func (b *keptBody) Arrived() ([]byte, error) {
	if len(b.left) == 0 {
		return nil, io.EOF
	}
	return b.left, nil
}

// Consume implements exchange.Body.
func (b *keptBody) Consume(n int) { b.left = b.left[n:] }

// Whole implements exchange.Body.
func (b *keptBody) Whole() ([]byte, bool) { return b.left, true }

// Left implements exchange.Body.
func (b *keptBody) Left() int64 { return int64(len(b.left)) }

// Ends implements exchange.Body.
func (b *keptBody) Ends(n int) bool { return len(b.left) == n }

var _ exchange.Body = (*keptBody)(nil)
