package message

import (
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"
)

// Unknown is the ContentLength of a body whose length is not known in advance.
const Unknown int64 = -1

// Request is an HTTP request on its way through Fairlead, whatever protocol it
// came by. Predicates read it, filters change it, the backend gets the result.
//
// Strings are views into connection buffers, valid until the exchange ends:
// use strings.Clone on what must live longer.
type Request struct {
	Method string
	// Scheme the client used: "http" or "https".
	Scheme string
	// Host is the authority the client asked for, port included when given.
	Host string
	// Path is the decoded path ("/a b"). Change it with SetPath only.
	Path string
	// RawPath is the path as it goes on the wire ("/a%20b").
	RawPath string
	// Query is the raw query without "?".
	Query string
	// Major and Minor are the HTTP version of the client's message.
	Major, Minor uint8

	Header Header
	// Trailer is filled while the body is read to its end.
	Trailer Header

	// ContentLength is the length of Body in bytes, or Unknown.
	ContentLength int64
	// Body is nil when the request has none. Replace it with SetBody.
	Body io.Reader

	// Remote and Local are the addresses of the client's connection.
	Remote, Local netip.AddrPort
	// TLS is what was settled by the handshake of the client's connection, nil
	// when that is not encrypted. It belongs to the connection.
	TLS *tls.ConnectionState
	// Received is when the head was complete.
	Received time.Time
	// ShuttingDown reports that the process was asked to end.
	ShuttingDown bool
	// Depth is how many rounds of routing the request has behind it, the present
	// one included. A request of Fairlead's own begins with those of the request
	// that it was made of (Clone).
	Depth int
	// Tee is the label under which teeLoopback made this request, "" for others.
	Tee string

	random    float64
	hasRandom bool
	// reserved says that Path keeps encodings (KeepReserved).
	reserved bool
}

// SetPath replaces the path by the decoded path p.
func (r *Request) SetPath(p string) {
	if p == r.Path {
		return
	}
	if r.reserved {
		r.Path, r.RawPath = p, escapeRest(p)
		return
	}
	r.Path, r.RawPath = p, EscapePath(p)
}

// SetBody replaces the body; length is in bytes or Unknown.
func (r *Request) SetBody(b io.Reader, length int64) { r.Body, r.ContentLength = b, length }

// Random returns a number in [0,1) that stays the same for the whole life of
// the request, loopbacks included (TrafficSegment, spec 1.2).
func (r *Request) Random() float64 {
	if !r.hasRandom {
		r.random, r.hasRandom = rand.Float64(), true
	}
	return r.random
}

// Reset empties r and keeps the memory of its headers.
func (r *Request) Reset() {
	h, t := r.Header, r.Trailer
	h.Reset()
	t.Reset()
	*r = Request{Header: h, Trailer: t}
}

// Clone returns a copy of the head that shares nothing with r and outlives the
// exchange. It has no body.
func (r *Request) Clone() Request {
	return Request{
		Method: strings.Clone(r.Method), Scheme: r.Scheme, Host: strings.Clone(r.Host),
		Path: strings.Clone(r.Path), RawPath: strings.Clone(r.RawPath), Query: strings.Clone(r.Query),
		Major: r.Major, Minor: r.Minor, Header: r.Header.Clone(),
		Remote: r.Remote, Local: r.Local, TLS: r.TLS, Received: r.Received, ShuttingDown: r.ShuttingDown,
		Depth: r.Depth, Tee: r.Tee, reserved: r.reserved,
	}
}

// Response is an HTTP response on its way back to the client.
type Response struct {
	Status int
	// Reason is the reason phrase; "" means the usual one.
	Reason string
	Header Header
	// Trailer is filled while the body is read to its end.
	Trailer Header
	// ContentLength is the length of Body in bytes, or Unknown.
	ContentLength int64
	// Body is nil when the response has none. Replace it with SetBody.
	Body io.Reader
}

// SetBody replaces the body; length is in bytes or Unknown.
func (r *Response) SetBody(b io.Reader, length int64) { r.Body, r.ContentLength = b, length }

// Reset empties r and keeps the memory of its headers.
func (r *Response) Reset() {
	h, t := r.Header, r.Trailer
	h.Reset()
	t.Reset()
	*r = Response{Header: h, Trailer: t}
}
