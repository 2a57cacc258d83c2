package http2

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// wholeMost is the size up to which a body that has arrived goes out together
// with the head.
const wholeMost = 2 * maxFrame

// Do implements exchange.Upstream.
func (s *ClientStream) Do(req *message.Request, resp *message.Response, o *exchange.SendOptions) error {
	if !sendable(req) {
		return &exchange.SendError{Err: fmt.Errorf("%w: %q %q", exchange.ErrUnsendable, message.Show(req.Method), message.Show(req.RawPath+"?"+req.Query))}
	}
	if req.Body == nil {
		o.Expect = false
	}
	if o.Upgrade != "" {
		if err := s.awaitConnect(o); err != nil {
			return err
		}
	}
	whole, data, all := s.whole(req, o)
	if err := s.start(req, resp, o, data, all); err != nil {
		return s.sendError(err, "send request", nil)
	}
	if !all {
		final, err := s.beginUpload(req, o)
		if final || err != nil {
			return err
		}
	}
	if err := s.await(o, false); err != nil {
		s.endUpload()
		return s.sendError(err, "read response", s.upload)
	}
	if whole != nil {
		whole.Consume(len(data))
	}
	if o.Upgrade != "" {
		s.switched(req, resp, o)
	}
	return nil
}

// sendable reports whether the request is one, whatever filters made of it.
func sendable(req *message.Request) bool {
	p, q := req.RawPath, req.Query
	return message.IsToken(req.Method) && p != "" && strings.IndexByte(p, ' ') < 0 && strings.IndexByte(q, ' ') < 0 &&
		message.Plain(p, false) && message.Plain(q, false)
}

// whole returns the body when all of it has arrived and is small; all is true
// when there is none, too.
func (s *ClientStream) whole(req *message.Request, o *exchange.SendOptions) (b exchange.Body, data []byte, all bool) {
	switch {
	case o.Upgrade != "":
		return nil, nil, false
	case req.Body == nil:
		return nil, nil, true
	case o.Expect:
		return nil, nil, false
	}
	b, ok := req.Body.(exchange.Body)
	if !ok {
		return nil, nil, false
	}
	data, all = b.Whole()
	if !all || len(data) > wholeMost || (req.ContentLength >= 0 && req.ContentLength != int64(len(data))) {
		return nil, nil, false
	}
	if !b.Ends(len(data)) {
		return nil, nil, false
	}
	return b, data, true
}

// start sends the head of the request, and data behind it when that is all of
// the body.
func (s *ClientStream) start(req *message.Request, resp *message.Response, o *exchange.SendOptions, data []byte, all bool) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.w.full() && s.err == nil && c.err == nil {
		c.waitToWrite(&c.w.room)
	}
	switch {
	case s.err != nil:
		s.unsent = true
		return s.err
	case c.err != nil:
		s.unsent = true
		return c.err
	case c.away || c.nextID > maxID:
		s.unsent = true
		return errRetired
	}
	s.open(req.Method == "HEAD", resp)
	s.begun = o.Now
	if s.begun == 0 {
		s.begun = c.cfg.Now()
	}
	if all {
		s.headBy = s.deadline(o.Timeout)
	}
	c.clock.arm(s.soonest())
	trailers := all && req.Body != nil && req.Trailer.Len() > 0
	ends := all && len(data) == 0 && !trailers
	c.w.reserve(requestSize(req, o) + len(data) + 2*frameHeadLen)
	start := beginBlock(&c.w.out, s.id == 1)
	c.w.out = endBlock(appendRequest(c.w.out, req, o, c.cfg.Scheme), start, s.id, ends)
	if ends {
		s.sent()
	} else if all {
		if err := s.appendAll(data, req, trailers); err != nil {
			return err
		}
	}
	c.w.flush(true)
	return nil
}

// open gives the stream its number.
func (s *ClientStream) open(head bool, resp *message.Response) {
	c := s.c
	s.id, c.used = c.nextID, true
	if c.nextID += 2; c.nextID > maxID {
		c.leave()
	}
	s.resp, s.head = resp, head
	s.body.id = s.id
	s.send.n = c.initial
	s.mark = c.w.taken
	c.streams[s.id] = s
}

// soonest returns when the first of the limits is up.
func (s *ClientStream) soonest() int64 {
	if s.bodyBy != 0 && (s.headBy == 0 || s.bodyBy < s.headBy) {
		return s.bodyBy
	}
	return s.headBy
}

// deadline returns when d from now has passed; 0: never.
func (s *ClientStream) deadline(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return s.c.cfg.Now() + int64(d)
}

// appendAll appends the body and the trailers, whatever waits to be written. The
// windows may take only a part: the rest is waited for.
func (s *ClientStream) appendAll(data []byte, req *message.Request, trailers bool) error {
	if err := s.put(data, !trailers, 0); err != nil {
		return err
	}
	if trailers {
		s.appendTrailers(&req.Trailer)
	}
	return nil
}

// put appends DATA frames with all of data, waiting where the windows or the
// writer are full: for at most limit at a time (0: any time). The lock is held,
// but released meanwhile.
func (s *ClientStream) put(data []byte, end bool, limit time.Duration) error {
	c := s.c
	for {
		if err := s.writable(); err != nil {
			return err
		}
		n := min(len(data), maxFrame, s.send.left(), c.send.left())
		switch {
		case n == 0 && len(data) > 0:
			s.waitWindow(limit)
			continue
		case c.w.full():
			if s.sendBy = s.deadline(limit); s.sendBy != 0 {
				c.clock.arm(s.sendBy)
			}
			c.waitToWrite(&c.w.room)
			continue
		}
		s.sendBy = 0
		flags := uint8(0)
		if n == len(data) && end {
			flags = flagEndStream
		}
		c.w.reserve(frameHeadLen + n)
		c.w.out = append(appendFrameHead(c.w.out, n, frameData, flags, s.id), data[:n]...)
		s.send.take(n)
		c.send.take(n)
		if data = data[n:]; len(data) > 0 {
			continue
		}
		if end {
			s.sent()
		}
		return nil
	}
}

// writable returns why nothing may be sent on the stream.
func (s *ClientStream) writable() error {
	switch {
	case s.err != nil:
		return s.err
	case s.gone:
		return errNotWanted
	case s.c.w.err != nil:
		return s.c.w.err
	}
	return nil
}

// errNotWanted says that the backend has answered and takes no more of the
// request.
var errNotWanted = errors.New("the backend takes no more of the request")

// waitWindow waits until the windows changed or the stream ended.
func (s *ClientStream) waitWindow(limit time.Duration) {
	c := s.c
	if s.sendBy = s.deadline(limit); s.sendBy != 0 {
		c.clock.arm(s.sendBy)
	}
	if c.send.left() == 0 {
		c.blocked = append(c.blocked, s)
	}
	if !c.w.writing && len(c.w.out) > 0 {
		c.w.flush(false)
		return // the windows may be others by now
	}
	s.more.Wait()
}

// appendTrailers ends the request with trailers.
func (s *ClientStream) appendTrailers(t *message.Header) {
	w := &s.c.w
	size := 2 * frameHeadLen
	for _, f := range t.Fields() {
		size += len(f.Name) + len(f.Value) + fieldOverhead
	}
	w.reserve(size)
	start := beginBlock(&w.out, false)
	for _, f := range t.Fields() {
		if message.TrailerAllowed(f) {
			w.out = appendField(w.out, f.Name, f.Value)
		}
	}
	w.out = endBlock(w.out, start, s.id, true)
	s.sent()
}

// waitToWrite waits for a signal of cond that comes when there is room in the
// writer; when nobody writes, it does.
func (c *ClientConn) waitToWrite(cond interface{ Wait() }) {
	if !c.w.writing {
		c.w.flush(false)
		return
	}
	cond.Wait()
}

// await waits for the head of the final response, or for "100 Continue" if that
// is enough, and passes on interim ones.
func (s *ClientStream) await(o *exchange.SendOptions, go100 bool) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case len(s.informs) > 0:
			r := s.informs[0]
			s.informs = s.informs[1:]
			if o.Inform != nil {
				c.mu.Unlock()
				o.Inform(&r)
				c.mu.Lock()
			}
			continue
		case s.gotHead, go100 && s.go100:
			return nil
		case s.err != nil:
			return s.err
		}
		s.body.cond.Wait()
	}
}

// sendError says why there is no response, and ends the stream: what may still
// come for it must not reach a response that the caller has given up.
func (s *ClientStream) sendError(err error, what string, u *upload) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if !s.gone {
		s.fail(err, CodeCancel)
		s.c.w.kick()
	}
	if u != nil && u.failed {
		return &exchange.SendError{Err: u.err}
	}
	consumed := u != nil && u.consumed
	s.resp = nil
	unsent := s.unsent && !consumed
	if unsent && u != nil {
		u.req.Body = u.body // for who tries again
	}
	return &exchange.SendError{
		Err:    fmt.Errorf("%s: %w", what, err),
		Unsent: unsent,
		Silent: s.silent && s.again && !consumed && !errors.Is(err, sock.ErrTimeout),
	}
}

// requestSize returns at least how many bytes the head of the request takes.
func requestSize(req *message.Request, o *exchange.SendOptions) int {
	const fixed = 128
	n := fixed + len(req.Method) + len(req.RawPath) + len(req.Query) + len(o.Host) + len(o.Upgrade)
	for _, f := range req.Header.Fields() {
		n += len(f.Name) + len(f.Value) + 16
	}
	return n
}

// appendRequest appends the fields of a request as the backend gets them (RFC
// 9113 8.3.1): what speaks of the connection is left out, the host is in
// :authority.
func appendRequest(b []byte, req *message.Request, o *exchange.SendOptions, scheme string) []byte {
	if o.Upgrade != "" {
		b = appendPseudo(b, staticMethod, "CONNECT")
		b = appendField(b, ":protocol", o.Upgrade)
	} else {
		b = appendPseudo(b, staticMethod, req.Method)
	}
	b = appendPseudo(b, staticScheme, scheme)
	if o.Host != "" {
		b = appendPseudo(b, staticAuthority, o.Host)
	}
	if req.Query == "" {
		b = appendPseudo(b, staticPath, req.RawPath)
	} else {
		b = appendInt(append(b, reprLiteral|staticPath), len(req.RawPath)+1+len(req.Query))
		b = append(append(append(b, req.RawPath...), '?'), req.Query...)
	}
	length := req.Body != nil && req.ContentLength >= 0
	fields := req.Header.Fields()
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Kind == message.KindContentLength:
			length = length || req.Body == nil
		case !passes(f), f.Kind == message.KindExpect && !o.Expect, o.RemoveHopFields && proxyAuth(f.Name),
			o.Upgrade != "" && handshakeField(f.Name):
		default:
			b = appendField(b, f.Name, f.Value)
		}
	}
	if length && o.Upgrade == "" {
		b = appendLength(b, max(req.ContentLength, 0))
	}
	if o.Trailers {
		b = appendField(b, "te", "trailers")
	}
	return b
}

func proxyAuth(name string) bool {
	return message.EqualName(name, "Proxy-Authorization") || message.EqualName(name, "Proxy-Authenticate")
}
