package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/message"
)

// Answers that Fairlead makes itself (spec 1.12).

// fail notes why the exchange has to be answered here.
func (e *passage) fail(reason message.Reason, cause error) { e.failed, e.cause = reason, cause }

// answer makes the response that says so.
func (e *passage) answer() {
	status := e.failed.Status()
	if e.failed == message.ReasonNoRoute {
		status = e.p.opts.DefaultStatus
	}
	r := &e.own
	r.Reset()
	r.Status = status
	text := http.StatusText(status)
	if status == statusClientGone {
		text = "Client Closed Request"
		e.closeAfter()
	}
	if text == "" {
		text = "Error"
	}
	if isGRPC(e.req) {
		e.answerGRPC(r)
		return
	}
	r.Reason = text
	r.Header.Add("Content-Type", "text/plain; charset=utf-8")
	r.Header.Add("X-Content-Type-Options", "nosniff")
	if status == http.StatusServiceUnavailable {
		r.Header.Add("Retry-After", "1")
	}
	text += "\n"
	r.SetBody(strings.NewReader(text), int64(len(text)))
	e.ctx.Response = r
}

// statusClientGone is nginx's status for a client that went away; the peer uses
// it too.
const statusClientGone = 499

// reply sends the response to the client: step 6.
func (e *passage) reply() {
	e.replied = true
	e.rec.Answered = max(e.times.answered, e.times.responded)
	e.limitReply()
	if e.refusedTunnel() {
		closeBody(e.ctx.Response)
		e.fail(message.ReasonUpgradeRefused, nil)
		e.answer()
		e.brand()
	}
	resp := e.ctx.Response
	var err error
	if resp.Status == http.StatusSwitchingProtocols && e.up != nil {
		err = e.tunnel(resp)
	} else {
		err = e.down.Reply(resp)
	}
	closeBody(resp)
	if err != nil {
		e.replyFailed(err)
	}
}

// closeAfter ends a client's connection that is of no use any more. Of those that
// carry many exchanges only the stream is.
func (e *passage) closeAfter() {
	if e.req.Major < 2 {
		e.down.CloseAfter()
	}
}

// closeBody closes the body of a response, once.
func closeBody(r *message.Response) {
	c, ok := r.Body.(io.Closer)
	r.Body = nil
	if ok {
		_ = c.Close()
	}
}

// dateCache keeps the Date field of the current second.
type dateCache struct{ last atomic.Pointer[datedSecond] }

type datedSecond struct {
	second int64
	text   string
}

func (c *dateCache) at(now time.Time) string {
	if d := c.last.Load(); d != nil && d.second == now.Unix() {
		return d.text
	}
	d := &datedSecond{now.Unix(), now.UTC().Format(http.TimeFormat)}
	c.last.Store(d)
	return d.text
}
