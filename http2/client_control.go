package http2

import (
	"encoding/binary"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// Frames that are no part of a response may come in bursts and then at a rate;
// whoever sends more makes us work for nothing.
const (
	idleBurst = 10_000
	idleRate  = 10_000 // a second
)

// idleWork counts the frames that are no part of a response.
type idleWork struct {
	left int64
	at   int64
}

func (f *idleWork) begin(now int64) { f.left, f.at = idleBurst, now }

// refill adds what the time since allows.
func (f *idleWork) refill(now int64) {
	more := (now - f.at) / (int64(time.Second) / idleRate)
	if more <= 0 {
		return
	}
	f.left, f.at = min(idleBurst, f.left+more), now
}

// charge counts n frames. The error is a *ConnError.
func (f *idleWork) charge(n int64) error {
	if f.left -= n; f.left < 0 {
		return connError(CodeEnhanceYourCalm, "too many frames that are no part of a response")
	}
	return nil
}

// settings takes the backend's parameters (RFC 9113 6.5).
func (r *clientReader) settings(h frameHead, p []byte) error {
	if err := r.work.charge(1 + int64(len(p)/6)); err != nil {
		return err
	}
	c := r.c
	if h.has(flagAck) {
		return nil
	}
	if !c.settled {
		c.most = maxID // who says nothing has no limit (RFC 9113 6.5.2)
	}
	if err := eachSetting(p, c.set); err != nil {
		return err
	}
	if !c.settled {
		c.settled = true
		c.settling.Broadcast()
		if c.freed != nil && c.most > firstStreams {
			c.freed()
		}
	}
	c.w.reserve(frameHeadLen)
	c.w.out = appendFrameHead(c.w.out, 0, frameSettings, flagAck, 0)
	return c.w.asked(frameHeadLen)
}

// set applies one parameter. The size of the header table does not matter: none
// is used.
func (c *ClientConn) set(id uint16, value uint32) error {
	switch id {
	case settingMaxConcurrentStreams:
		c.most = int(min(value, maxID))
	case settingInitialWindowSize:
		if value > mostWindow {
			return connError(CodeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE %d", value)
		}
		return c.setWindow(int64(value))
	case settingMaxFrameSize:
		// Larger frames than every peer must take are never sent; 0 would be a
		// way to make others send for ever (GO-2026-4918).
		if value < maxFrame || value > 1<<24-1 {
			return connError(CodeProtocol, "SETTINGS_MAX_FRAME_SIZE %d", value)
		}
	case settingEnablePush:
		if value != 0 {
			return connError(CodeProtocol, "SETTINGS_ENABLE_PUSH %d from a server", value)
		}
	case settingEnableConnect:
		if value > 1 || (value == 0 && c.connect) {
			return connError(CodeProtocol, "SETTINGS_ENABLE_CONNECT_PROTOCOL %d", value)
		}
		c.connect = value == 1
	}
	return nil
}

// setWindow changes the window of all streams (RFC 9113 6.9.2).
func (c *ClientConn) setWindow(size int64) error {
	by := size - c.initial
	c.initial = size
	for _, s := range c.streams {
		if !s.send.add(by) {
			return connError(CodeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE %d overflows the window of stream %d", size, s.id)
		}
		s.more.Signal()
	}
	return nil
}

func (r *clientReader) ping(h frameHead, p []byte) error {
	if err := r.work.charge(1); err != nil {
		return err
	}
	if h.has(flagAck) {
		return nil // whatever comes says that the backend is there
	}
	w := &r.c.w
	w.reserve(frameHeadLen + 8)
	w.out = appendPing(w.out, true, [8]byte(p))
	return w.asked(frameHeadLen + 8)
}

// goAway takes note that streams above the last one named are not served (RFC
// 9113 6.8).
func (r *clientReader) goAway(p []byte) error {
	if err := r.work.charge(1); err != nil {
		return err
	}
	c := r.c
	last := binary.BigEndian.Uint32(p) & maxID
	err := &ConnError{Code: Code(binary.BigEndian.Uint32(p[4:])), Detail: message.Show(string(p[8:])), Remote: true}
	c.last = min(c.last, last)
	c.away = true
	for id, s := range c.streams {
		if id > c.last {
			s.unsent = true
			s.over(err)
		}
	}
	c.retire()
	return nil
}

func (r *clientReader) reset(id uint32, code Code) error {
	if err := r.known(frameRSTStream, id); err != nil {
		return err
	}
	c := r.c
	s := c.streams[id]
	if s == nil {
		return r.work.charge(1)
	}
	if s.recvEnd {
		// The response is complete; the rest of the request is not wanted (RFC
		// 9113 8.1).
		s.leave()
		return nil
	}
	s.unsent = code == CodeRefusedStream && !s.gotHead
	s.over(&StreamError{Stream: id, Code: code})
	return nil
}

// smallUpdate is the increment below which WINDOW_UPDATE costs more than it is worth.
const smallUpdate = 1 << 10

func (r *clientReader) windowUpdate(id, n uint32) error {
	c := r.c
	if n < smallUpdate {
		if err := r.work.charge(1); err != nil {
			return err
		}
	}
	if id == 0 {
		if n == 0 {
			return connError(CodeProtocol, "WINDOW_UPDATE by 0")
		}
		if !c.send.add(int64(n)) {
			return connError(CodeFlowControl, "WINDOW_UPDATE overflows the window of the connection")
		}
		for i, s := range c.blocked {
			s.more.Signal()
			c.blocked[i] = nil
		}
		c.blocked = c.blocked[:0]
		return nil
	}
	if err := r.known(frameWindowUpdate, id); err != nil {
		return err
	}
	s := c.streams[id]
	switch {
	case s == nil:
		return nil
	case n == 0:
		return streamError(id, CodeProtocol, "WINDOW_UPDATE by 0")
	case !s.send.add(int64(n)):
		return streamError(id, CodeFlowControl, "WINDOW_UPDATE overflows the window of the stream")
	}
	s.more.Signal()
	return nil
}

// respHead takes the fields of a response's head or trailers.
type respHead struct {
	s       *ClientStream // nil: nobody wants them
	to      *message.Header
	status  int
	length  int64
	fields  bool // a regular field came
	trailer bool
	err     error
}

// begin prepares h for a block of s.
func (h *respHead) begin(s *ClientStream) {
	*h = respHead{s: s, length: message.Unknown}
	if s == nil {
		return
	}
	if h.trailer = s.gotHead; h.trailer {
		h.to = &s.trailer
	} else {
		h.to = &s.resp.Header
	}
}

// field implements fieldSink. What is wrong shows at the end.
func (h *respHead) field(name, value string) {
	if h.s == nil || h.err != nil {
		return
	}
	if name != "" && name[0] == ':' {
		h.err = h.pseudo(name, value)
		return
	}
	h.fields = true
	f := message.Field{Name: name, Value: value, Kind: message.KindOf(name)}
	if h.err = h.check(f); h.err != nil {
		return
	}
	if h.trailer && !message.TrailerAllowed(f) {
		return
	}
	h.to.AddField(f)
}

// pseudo takes a pseudo-header field: :status is the only one, and stands first
// (RFC 9113 8.3.2).
func (h *respHead) pseudo(name, value string) error {
	if name != ":status" || h.trailer || h.fields || h.status != 0 {
		return malformed("pseudo-header field %q where it must not be", message.Show(name))
	}
	if len(value) != 3 || value[0] < '1' || value[0] > '9' || value[1]-'0' > 9 || value[2]-'0' > 9 {
		return malformed(":status %q", message.Show(value))
	}
	h.status = int(value[0]-'0')*100 + int(value[1]-'0')*10 + int(value[2]-'0')
	return nil
}

// check refuses fields that a response must not have (RFC 9113 8.2).
func (h *respHead) check(f message.Field) error {
	if !message.IsToken(f.Name) || hasUpper(f.Name) || message.Lookalike(f.Name) {
		return malformed("field name %q", message.Show(f.Name))
	}
	v := f.Value
	if !message.Plain(v, true) || (v != "" && (isBlank(v[0]) || isBlank(v[len(v)-1]))) {
		return malformed("value %q of field %q", message.Show(v), message.Show(f.Name))
	}
	switch f.Kind {
	case message.KindConnection, message.KindTransferEncoding, message.KindUpgrade:
		return malformed("field %q, which HTTP/2 does not have", f.Name)
	case message.KindHopByHop:
		if f.Name != "trailer" {
			return malformed("field %q, which HTTP/2 does not have", f.Name)
		}
	case message.KindContentLength:
		n, ok := message.ParseLength(v)
		if !ok || h.length >= 0 || h.trailer {
			return malformed("content-length %q", message.Show(v))
		}
		h.length = n
	}
	return nil
}

// end takes the complete block; end is true when the stream ends with it.
func (h *respHead) end(s *ClientStream, end bool) error {
	switch {
	case h.err != nil:
		return streamError(s.id, CodeProtocol, "%v", h.err)
	case h.trailer && !end:
		return streamError(s.id, CodeProtocol, "trailers that do not end the response")
	case h.trailer && !s.bodiless && !s.body.fits(0, true):
		return streamError(s.id, CodeProtocol, "a body that is not as long as its Content-Length of %d", s.body.length)
	case h.trailer:
		s.received()
		return nil
	case h.status == 0:
		return streamError(s.id, CodeProtocol, "a response without :status")
	case h.status == 101 || (h.status < 200 && end):
		return streamError(s.id, CodeProtocol, "status %d, which HTTP/2 does not have here", h.status)
	case h.status < 200:
		return s.interim(h.status)
	}
	return s.headCame(h.status, h.length, end)
}

func malformed(detail string, args ...any) error {
	return message.Malformed(message.ReasonBackendMalformed, detail, args...)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func hasUpper(s string) bool {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return true
		}
	}
	return false
}

var _ exchange.Upstream = (*ClientStream)(nil)
