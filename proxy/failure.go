package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/fastcgi"
	"fairlead.dev/fairlead/http2"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/pool"
)

// What became of an attempt that gave no response, or of a response that did not
// reach the client.

// missed takes note of why a gave no response.
func (e *passage) missed(a *attempt) {
	if a.lost() {
		e.dialFailed(a.err)
	} else {
		e.fail(e.sendReason(a), a.err)
	}
}

// dialFailed notes why there is no connection.
func (e *passage) dialFailed(err error) {
	reason := message.ReasonDialFailed
	var de *pool.DialError
	if errors.As(err, &de) {
		reason = de.Reason
	}
	if errors.Is(err, http2.ErrBusy) {
		reason = message.ReasonBackendBusy
	}
	if errors.Is(err, context.DeadlineExceeded) && e.ctx.Upstream.Timeout > 0 {
		reason = message.ReasonBackendTimeout
	}
	e.fail(reason, err)
}

// bodyError returns why the body of the request could not be read.
func (e *passage) bodyError(a *attempt) error {
	if u, ok := a.req.Body.(exchange.Upload); ok && u.BodyError() != nil {
		return u.BodyError()
	}
	return e.down.BodyError()
}

func (e *passage) sendReason(a *attempt) message.Reason {
	var pe *exchange.ProtocolError
	var netErr net.Error
	err := a.err
	if why := bodyReason(err); why != message.ReasonNone {
		return why
	}
	if e.down.Gone() {
		return message.ReasonClientGone
	}
	if err := e.bodyError(a); err != nil {
		return clientReason(err)
	}
	switch {
	case errors.Is(err, exchange.ErrNoUpgrade):
		return message.ReasonUpgradeFailed
	case errors.Is(err, exchange.ErrLengthRequired):
		return message.ReasonLengthRequired
	case errors.Is(err, fastcgi.ErrOverloaded):
		return message.ReasonBackendBusy
	case errors.Is(err, exchange.ErrUnsendable):
		return message.ReasonInternal
	case errors.Is(err, sock.ErrTimeout):
		return message.ReasonBackendTimeout
	case errors.As(err, &pe):
		if pe.Reason == message.ReasonBackendHeaderTooLarge {
			return pe.Reason
		}
		return message.ReasonBackendMalformed
	case errors.Is(err, exchange.ErrUnexpectedEnd), errors.Is(err, sock.ErrStale):
		return message.ReasonBackendClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return message.ReasonBackendReset
	case errors.As(err, &netErr) && netErr.Timeout():
		return message.ReasonBackendTimeout
	}
	return message.ReasonBackendReset
}

// clientReason says what is wrong with a request body.
func clientReason(err error) message.Reason {
	var pe *exchange.ProtocolError
	switch {
	case errors.As(err, &pe):
		return pe.Reason
	case bodyReason(err) != message.ReasonNone:
		return bodyReason(err)
	case errors.Is(err, sock.ErrTimeout):
		return message.ReasonBodyTimeout
	case errors.Is(err, exchange.ErrUnexpectedEnd):
		return message.ReasonBodyCut
	}
	return message.ReasonClientGone
}

// replyFailed notes why the response did not reach the client completely.
func (e *passage) replyFailed(err error) {
	defer e.drop()
	if e.failed == message.ReasonClientGone {
		return // that is known, and nobody is there
	}
	defer e.logFailure("send response")
	var re *exchange.ReplyError
	backend, late := errors.As(err, &re) && re.Backend, errors.Is(err, sock.ErrTimeout)
	refused := bodyReason(err)
	if refused == message.ReasonNone && backend {
		refused = e.uploadReason()
	}
	switch {
	case refused != message.ReasonNone:
		e.fail(refused, err)
	case backend && e.down.Gone():
		e.fail(message.ReasonClientGone, err) // which interrupted the backend
		return
	case backend && late:
		e.fail(message.ReasonBackendBodyTimeout, err)
	case backend:
		e.fail(message.ReasonBackendBodyCut, err)
	case late:
		e.fail(message.ReasonClientStalled, err)
		return
	default:
		e.fail(message.ReasonClientGone, err)
		return
	}
	if status, _ := e.down.Sent(); status != 0 {
		e.endGRPC()
		return
	}
	if errors.As(err, new(*exchange.ProtocolError)) {
		e.fail(message.ReasonBackendMalformed, err)
	}
	e.answer()
	e.brand()
	_ = e.down.Reply(e.ctx.Response)
}

func (e *passage) logFailure(what string) {
	address := ""
	if e.endpoint != nil {
		address = e.endpoint.Address
	}
	level := slog.LevelError
	if e.failed.Status() < 500 { // the client's doing
		level = slog.LevelInfo
	}
	e.logSome(level, e.failed, "request failed", "while", what, "reason", e.failed.Code(), "client", e.req.Remote.String(), "route", e.ctx.RouteID,
		"backend", address, "method", e.req.Method, "host", e.req.Host, "path", e.req.Path, "error", errorText(e.cause))
}

// logAttempt says that an attempt failed after which another one follows.
func (e *passage) logAttempt(a *attempt, why message.Reason, cause error) {
	e.logSome(slog.LevelWarn, why, "attempt failed, trying again", "reason", why.Code(), "client", e.req.Remote.String(), "route", e.ctx.RouteID,
		"backend", a.endpoint.Address, "method", e.req.Method, "host", e.req.Host, "path", e.req.Path, "error", errorText(cause))
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.Clone(fmt.Sprint(err))
}
