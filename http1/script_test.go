package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// script is a Stream that delivers prepared pieces of input and keeps what is
// written. It is stricter than a socket: a read never sees more than one piece.
type script struct {
	pieces [][]byte
	out    bytes.Buffer
	closed bool
}

func scripted(input string, splits ...int) *script {
	s := &script{}
	from := 0
	for _, at := range append(splits, len(input)) {
		if at > from {
			s.pieces = append(s.pieces, []byte(input[from:at]))
			from = at
		}
	}
	return s
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, nil
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *script) Fill(size int) ([]byte, int, error) {
	if len(s.pieces) == 0 {
		return nil, 0, nil
	}
	b := buf.Get(size)
	n, err := s.Read(b)
	return b, n, err
}

func (s *script) FillWithin(size int, _ time.Duration) ([]byte, int, error) { return s.Fill(size) }

func (s *script) FillIdle(_ int64, size int, _ bool) ([]byte, int, error) { return s.Fill(size) }

func (s *script) Exchange(head, body []byte, _ bool, size int) ([]byte, int, int, error) {
	s.out.Write(head)
	s.out.Write(body)
	b, n, err := s.Fill(size)
	return b, n, len(head) + len(body), err
}

func (s *script) WriteTwo(a, b []byte) error {
	s.out.Write(a)
	s.out.Write(b)
	return nil
}

func (s *script) SetTimeout(int64, time.Duration) {}
func (s *script) Interrupt()                      {}
func (s *script) HoldRead(bool)                   {}
func (s *script) Expired() bool                   { return false }
func (s *script) HungUp() bool                    { return false }
func (s *script) OnGone(func()) bool              { return false }
func (s *script) CloseWrite() error               { return nil }
func (s *script) Close() error                    { s.closed = true; return nil }
func (s *script) Remote() netip.AddrPort          { return netip.MustParseAddrPort("192.0.2.1:1234") }
func (s *script) Local() netip.AddrPort           { return netip.MustParseAddrPort("192.0.2.2:80") }
func (s *script) Reset()                          { _ = s.Close() }
func (s *script) NetConn() net.Conn               { return nil }

// seen is one request as a Handler saw it.
type seen struct {
	Method, Path, Query, Host, Body string
	Fields                          []message.Field
	Trailers                        []message.Field
	Err                             bool // the body could not be read
}

// recorder is an exchange.Handler that keeps what it sees and answers 200.
type recorder struct {
	seen    []seen
	refused []message.Reason
}

func (r *recorder) Handle(x exchange.Downstream) {
	q := &x.Record().Request
	s := seen{
		Method: strings.Clone(q.Method), Path: strings.Clone(q.Path),
		Query: strings.Clone(q.Query), Host: strings.Clone(q.Host),
	}
	head := q.Header.Clone()
	s.Fields = head.Fields()
	if q.Body != nil {
		b, err := io.ReadAll(q.Body)
		s.Body, s.Err = string(b), err != nil
		trailer := q.Trailer.Clone()
		s.Trailers = trailer.Fields()
	}
	r.seen = append(r.seen, s)
	if s.Err {
		return
	}
	resp := &message.Response{Status: 200, ContentLength: 2, Body: strings.NewReader("ok")}
	_ = x.Reply(resp)
}

func (r *recorder) Refuse(x exchange.Downstream, err *exchange.ProtocolError) {
	r.refused = append(r.refused, err.Reason)
	_ = x.Reply(&message.Response{Status: err.Reason.Status()})
}

// serveScript runs a connection over s to its end.
func serveScript(s *script, h exchange.Handler, lim exchange.Limits) {
	srv := NewServer(h, ServerConfig{ServerConfig: exchange.ServerConfig{Limits: lim}}, sock.NewSweeper(), nil)
	c := &conn{srv: srv, s: s}
	c.in.s = s
	c.onWait = c.bodyWait
	srv.live.Add(1)
	srv.active.Add(1)
	c.serve()
}

// statuses parses what a connection wrote, with net/http as the judge.
func statuses(out []byte, methods []string) (codes []int, rest []byte, err error) {
	r := bufio.NewReader(bytes.NewReader(out))
	for i := 0; ; i++ {
		if _, err := r.Peek(1); err == io.EOF {
			return codes, nil, nil
		}
		req := &http.Request{Method: http.MethodGet}
		if i < len(methods) {
			req.Method = methods[i]
		}
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			rest, _ := io.ReadAll(r)
			return codes, rest, err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return codes, nil, err
		}
		if resp.StatusCode >= 200 {
			codes = append(codes, resp.StatusCode)
		} else {
			i--
		}
	}
}
