package proxy

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/http2"
	"fairlead.dev/fairlead/message"
)

// Answers to gRPC calls. Their clients look for grpc-status and not for the
// status of HTTP ("gRPC over HTTP2", Responses), so what Fairlead answers itself
// is said in their words: at once in a head without a body (Trailers-Only), or in
// the trailers of an answer that the backend did not end.

// grpcCode is how gRPC says what became of a call ("Status codes and their use
// in gRPC").
type grpcCode int

// The codes that Fairlead gives.
const (
	grpcCancelled         grpcCode = 1
	grpcUnknown           grpcCode = 2
	grpcDeadlineExceeded  grpcCode = 4
	grpcPermissionDenied  grpcCode = 7
	grpcResourceExhausted grpcCode = 8
	grpcUnimplemented     grpcCode = 12
	grpcInternal          grpcCode = 13
	grpcUnavailable       grpcCode = 14
)

// grpcCodeOf returns what a reason means to a gRPC client. Where nothing more is
// known it is what the client would make of the status ("HTTP to gRPC Status
// Code Mapping"); clients may repeat calls that are UNAVAILABLE.
func grpcCodeOf(r message.Reason) grpcCode {
	if r == message.ReasonNoRoute {
		return grpcUnimplemented // whatever -default-http-status says
	}
	switch r.Status() {
	case 400, 500:
		return grpcInternal
	case 403, 421:
		return grpcPermissionDenied
	case 404, 405, 501:
		return grpcUnimplemented
	case 408, 504: // the call may have had its effect
		return grpcDeadlineExceeded
	case 413, 414, 431:
		return grpcResourceExhausted
	case 429, 502, 503:
		return grpcUnavailable
	case statusClientGone:
		return grpcCancelled
	}
	return grpcUnknown
}

// grpcCodeOfReset returns what a backend says that resets a call ("HTTP2 Transport
// Mapping", Errors).
func grpcCodeOfReset(c http2.Code) grpcCode {
	switch c {
	case http2.CodeRefusedStream:
		return grpcUnavailable
	case http2.CodeCancel:
		return grpcCancelled
	case http2.CodeEnhanceYourCalm:
		return grpcResourceExhausted
	case http2.CodeInadequateSecurity:
		return grpcPermissionDenied
	}
	return grpcInternal
}

// grpcCode returns what became of the call. A backend cancels it when the client's
// deadline has passed there, and may be sooner than the client.
func (e *passage) grpcCode() grpcCode {
	var reset *http2.StreamError
	if !errors.As(e.cause, &reset) {
		return grpcCodeOf(e.failed)
	}
	code := grpcCodeOfReset(reset.Code)
	if limit, ok := grpcTimeout(e.req.Header.Get("Grpc-Timeout")); ok && code == grpcCancelled &&
		time.Duration(e.now()-e.times.begin) >= limit {
		return grpcDeadlineExceeded
	}
	return code
}

// grpcTimeout reads the value of grpc-timeout ("gRPC over HTTP2", Requests): at
// most eight digits and a unit.
func grpcTimeout(text string) (d time.Duration, ok bool) {
	n := len(text) - 1
	if n < 1 || n > 8 {
		return 0, false
	}
	value, err := strconv.ParseUint(text[:n], 10, 32)
	unit := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}[text[n]]
	if err != nil || unit == 0 {
		return 0, false
	}
	if value > uint64(math.MaxInt64/unit) {
		return math.MaxInt64, true
	}
	return time.Duration(value) * unit, true
}

// isGRPC reports whether a request is a gRPC call. gRPC-Web is not: its clients
// read HTTP.
func isGRPC(r *message.Request) bool {
	const name = "application/grpc"
	if r.Major < 2 {
		return false
	}
	t := r.Header.Get("Content-Type")
	if len(t) < len(name) || !strings.EqualFold(t[:len(name)], name) {
		return false
	}
	return len(t) == len(name) || t[len(name)] == '+' || t[len(name)] == ';'
}

// sayGRPC says in h what became of the call. The text is that of the list of
// reasons, which needs no encoding.
func (e *passage) sayGRPC(h *message.Header) {
	h.Add("Grpc-Status", strconv.Itoa(int(e.grpcCode())))
	h.Add("Grpc-Message", e.failed.Code()+": "+e.failed.Meaning())
}

// answerGRPC makes r the answer to a gRPC call.
func (e *passage) answerGRPC(r *message.Response) {
	r.Status = 200
	r.Header.Add("Content-Type", "application/grpc")
	e.sayGRPC(&r.Header)
	e.ctx.Response = r
}

// endGRPC ends an answer to a gRPC call that the backend did not end: the client
// learns why, where it would see a reset and call it an internal error. It does
// nothing for other requests, whose answers must not look complete.
func (e *passage) endGRPC() {
	d, ok := e.down.(exchange.Ender)
	if !ok || !isGRPC(e.req) {
		return
	}
	var trailer message.Header
	e.sayGRPC(&trailer)
	_ = d.End(&trailer)
}
