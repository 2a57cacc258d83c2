package proxy

import (
	"strconv"
	"strings"

	"fairlead.dev/fairlead/exchange"
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
	case 502, 503:
		return grpcUnavailable
	case statusClientGone:
		return grpcCancelled
	}
	return grpcUnknown
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

// grpcTrailer says in h what became of a call. The text is that of the list of
// reasons, which needs no encoding.
func grpcTrailer(h *message.Header, r message.Reason) {
	h.Add("Grpc-Status", strconv.Itoa(int(grpcCodeOf(r))))
	h.Add("Grpc-Message", r.Code()+": "+r.Meaning())
}

// answerGRPC makes r the answer to a gRPC call.
func (e *passage) answerGRPC(r *message.Response) {
	r.Status = 200
	r.Header.Add("Content-Type", "application/grpc")
	grpcTrailer(&r.Header, e.failed)
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
	grpcTrailer(&trailer, e.failed)
	_ = d.End(&trailer)
}
