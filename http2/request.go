package http2

import (
	"strings"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// requestHead is what a header block says about a request before it is settled.
type requestHead struct {
	method, scheme, path, protocol string
	seen                           uint8 // pseudo-header fields, as bits
	regular                        bool  // a field that is none came
	hosts                          message.Hosts
	length                         int64 // of Content-Length, or message.Unknown
	cookies                        int
	expect                         bool // Expect: 100-continue
	trailersOK                     bool // TE: trailers
	isHead                         bool
	lineMost                       int // see exchange.Limits
	bad                            *exchange.ProtocolError
}

// The pseudo-header fields of requests, as bits (RFC 9113 8.3.1, RFC 8441 4).
const (
	seenMethod uint8 = 1 << iota
	seenScheme
	seenPath
	seenAuthority
	seenProtocol
)

// field implements fieldSink.
func (s *stream) field(name, value string) {
	h := &s.head
	if h.bad != nil {
		return
	}
	if name != "" && name[0] == ':' {
		s.refuse(h.pseudo(name, value))
		return
	}
	h.regular = true
	f, err := checkField(name, value)
	if err == nil {
		err = h.note(&f)
	}
	if err != nil {
		s.refuse(err)
		return
	}
	s.record.Request.Header.AddField(f)
}

// refuse notes the first thing that is wrong with the request.
func (s *stream) refuse(err error) {
	if err != nil && s.head.bad == nil {
		s.head.bad = err.(*exchange.ProtocolError) //nolint:errorlint // made by message.Malformed
	}
}

// pseudo takes a pseudo-header field (RFC 9113 8.3).
func (h *requestHead) pseudo(name, value string) error {
	var bit uint8
	var to *string
	switch name {
	case ":method":
		bit, to = seenMethod, &h.method
	case ":scheme":
		bit, to = seenScheme, &h.scheme
	case ":path":
		bit, to = seenPath, &h.path
	case ":authority":
		bit, to = seenAuthority, &h.hosts.Authority
		h.hosts.HasAuthority = true
	case ":protocol":
		bit, to = seenProtocol, &h.protocol
	default:
		return message.Malformed(message.ReasonBadPseudoField, "unknown pseudo-header field %q", message.Show(name))
	}
	switch {
	case h.regular:
		return message.Malformed(message.ReasonBadPseudoField, "%s behind other fields", name)
	case h.seen&bit != 0:
		return message.Malformed(message.ReasonBadPseudoField, "%s twice", name)
	}
	h.seen |= bit
	*to = value
	return nil
}

// checkField refuses names and values that RFC 9113 8.2.1 does not allow, or
// that would mean something else in HTTP/1.
func checkField(name, value string) (message.Field, error) {
	f := message.Field{Name: name, Value: value, Kind: message.KindOther}
	if !message.IsToken(name) {
		return f, message.Malformed(message.ReasonBadHeaderName, "field name %q is no token", message.Show(name))
	}
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return f, message.Malformed(message.ReasonBadHeaderName, "upper case in field name %q", message.Show(name))
		}
	}
	if message.Lookalike(name) {
		return f, message.Malformed(message.ReasonBadHeaderName, "field name %q looks like a framing field", name)
	}
	if !message.Plain(value, true) {
		return f, message.Malformed(message.ReasonBadHeaderValue, "control character in field %q", message.Show(name))
	}
	if n := len(value); n > 0 && (blank(value[0]) || blank(value[n-1])) {
		return f, message.Malformed(message.ReasonBadHeaderValue, "white space around the value of field %q", message.Show(name))
	}
	f.Kind = message.KindOf(name)
	return f, nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// note takes one field into account.
func (h *requestHead) note(f *message.Field) error {
	switch f.Kind {
	case message.KindOther:
		if f.Name == "cookie" {
			h.cookies++
		}
	case message.KindHost:
		h.hosts.Fields++
		h.hosts.Field = f.Value
	case message.KindContentLength:
		if h.length >= 0 {
			return message.Malformed(message.ReasonConflictingLength, "more than one Content-Length")
		}
		n, ok := message.ParseLength(f.Value)
		if !ok {
			return message.Malformed(message.ReasonBadContentLength, "Content-Length %q is not a number", message.Show(f.Value))
		}
		h.length = n
	case message.KindExpect:
		if !message.EqualName(f.Value, "100-continue") {
			return message.Malformed(message.ReasonExpectationFailed, "Expect %q", message.Show(f.Value))
		}
		h.expect = true
	case message.KindHopByHop:
		switch {
		case f.Name == "trailer":
		case f.Name == "te" && message.EqualName(f.Value, "trailers"):
			h.trailersOK = true
		case f.Name == "te":
			return message.Malformed(message.ReasonConnectionField, "TE %q, only \"trailers\" is allowed", message.Show(f.Value))
		default:
			return message.Malformed(message.ReasonConnectionField, "the field %q", f.Name)
		}
	case message.KindConnection, message.KindTransferEncoding, message.KindUpgrade:
		return message.Malformed(message.ReasonConnectionField, "the field %q", f.Name)
	}
	return nil
}

// tooLarge refuses what the decoder has found to be too much.
func (s *stream) tooLarge(d *headDecoder) {
	if !d.tooLarge() && !d.tooMany() {
		return
	}
	s.head.bad = nil // what was read of it may be wrong because it was cut
	if d.tooLarge() {
		s.refuse(message.Malformed(message.ReasonHeaderTooLarge, "the head has %d bytes, %d are allowed", d.size, d.lim.HeadBytes))
		return
	}
	s.refuse(message.Malformed(message.ReasonTooManyHeaders, "%d header fields", d.fields))
}

// settleHead makes a request of the fields; end says that it has no body.
func (s *stream) settleHead(end bool) {
	r, h := &s.record.Request, &s.head
	r.Major, r.Minor = 2, 0
	r.Method = h.method
	if h.bad == nil {
		s.refuse(h.complete(r, end))
	}
	if h.cookies > 1 {
		joinCookies(&r.Header, h.cookies)
	}
	length := h.length
	switch {
	case h.protocol != "":
		r.Method, length = "GET", 0
	case end:
		length = 0
	}
	h.isHead = r.Method == "HEAD"
	s.settle(length)
}

// settle fills in what does not come from the head.
func (s *stream) settle(length int64) {
	r, c := &s.record.Request, s.c
	now := c.srv.now()
	s.record.Begun = now
	r.Received = c.srv.sweeper.Time(now)
	r.Remote, r.Local = c.nc.Remote(), c.nc.Local()
	r.Scheme, r.TLS = c.scheme(), c.opt.TLS
	r.ContentLength = length
	s.body.length = length
	if s.head.protocol != "" {
		s.body.length = message.Unknown // of what goes through a tunnel
	}
	if length != 0 {
		r.Body = &s.body
		if s.head.expect {
			s.body.onRead = s.ask
		}
	}
}

// complete checks that the request is whole (RFC 9113 8.3.1).
func (h *requestHead) complete(r *message.Request, end bool) error {
	const needed = seenMethod | seenScheme | seenPath
	if h.seen&seenMethod != 0 && h.method == "CONNECT" && h.seen&seenProtocol == 0 {
		return message.Malformed(message.ReasonConnectRefused, "CONNECT: this is not a forward proxy")
	}
	if h.seen&needed != needed {
		return message.Malformed(message.ReasonBadPseudoField, "a request without :method, :scheme or :path")
	}
	if !message.IsToken(h.method) || len(h.method) > message.LongestMethod {
		return message.Malformed(message.ReasonBadMethod, "the method is %q", message.Show(h.method))
	}
	if h.scheme != "http" && h.scheme != "https" {
		return message.Malformed(message.ReasonBadPseudoField, "the scheme is %q", message.Show(h.scheme))
	}
	if h.seen&seenProtocol != 0 {
		if err := h.extended(end); err != nil {
			return err
		}
	}
	if err := h.target(r); err != nil {
		return err
	}
	if end && h.length > 0 {
		return message.Malformed(message.ReasonConflictingLength, "a Content-Length of %d and no body", h.length)
	}
	return nil
}

// extended checks an extended CONNECT (RFC 8441 4).
func (h *requestHead) extended(end bool) error {
	switch {
	case h.method != "CONNECT":
		return message.Malformed(message.ReasonBadPseudoField, ":protocol with the method %q", message.Show(h.method))
	case h.protocol != "websocket":
		return message.Malformed(message.ReasonUpgradeRefused, "the protocol is %q, only websocket is served", message.Show(h.protocol))
	case end || h.length >= 0:
		return message.Malformed(message.ReasonUpgradeRefused, "a tunnel that is closed from the start, or has a length")
	}
	return nil
}

// target settles path and host.
func (h *requestHead) target(r *message.Request) error {
	if err := message.CheckTarget(h.path, h.lineMost); err != nil {
		return err
	}
	switch {
	case h.path == "*" && h.method == "OPTIONS":
		r.Path, r.RawPath = "*", "*"
	case h.path == "" || h.path[0] != '/':
		return message.Malformed(message.ReasonBadTarget, "the path is %q", message.Show(h.path))
	default:
		if err := r.SetTarget(h.path); err != nil {
			return err
		}
	}
	host, err := h.hosts.Settle()
	if err != nil {
		return err
	}
	if host == "" {
		return message.Malformed(message.ReasonMissingHost, "a request without :authority and Host")
	}
	r.Host = host
	return nil
}

// joinCookies makes one Cookie field of n (RFC 9113 8.2.3).
func joinCookies(h *message.Header, n int) {
	var b strings.Builder
	size := 2 * (n - 1)
	for _, f := range h.Fields() {
		if f.Name == "cookie" {
			size += len(f.Value)
		}
	}
	b.Grow(size)
	first := -1
	for i, f := range h.Fields() {
		if f.Name != "cookie" {
			continue
		}
		if first < 0 {
			first = i
		} else {
			b.WriteString("; ")
		}
		b.WriteString(f.Value)
	}
	h.Fields()[first].Value = b.String()
	i := -1
	h.DelFunc(func(f message.Field) bool {
		i++
		return f.Name == "cookie" && i > first
	})
}
