package proxy

import (
	"log/slog"
	"strings"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// Step 1: may the request enter?

// admit checks the request against the rules that hold for all routes. It
// answers those that may not enter.
func (e *passage) admit() bool {
	if e.isInner() {
		return e.admitInner()
	}
	if e.challenged() {
		return false
	}
	e.p.trust.apply(e.req, e.times.begin)
	if reason := e.refusal(); reason != message.ReasonNone {
		e.fail(reason, nil)
		e.answer()
		e.brand()
		e.reply()
		return false
	}
	if e.redirected() {
		return false
	}
	e.p.forwarded.apply(e.req)
	if e.p.opts.PatchPath {
		e.req.KeepReserved()
	}
	return true
}

func (e *passage) refusal() message.Reason {
	o, r := e.p.opts, e.req
	if r.TLS != nil && !e.p.certs.SamePolicy(r.TLS.ServerName, r.Host) {
		return message.ReasonHostRefused
	}
	if e.p.table.Load() == nil {
		return message.ReasonNotReady
	}
	if !o.Upgrade && e.wantsTunnel() {
		return message.ReasonUpgradeRefused
	}
	if o.ValidateQuery && r.Query != "" && !validQuery(r.Query) {
		if o.ValidateQueryLog {
			e.logSome(slog.LevelInfo, message.ReasonQueryInvalid, "refuse request with malformed query", "client", r.Remote.String(), "host", r.Host, "path", r.Path)
		}
		return message.ReasonQueryInvalid
	}
	if o.MaxContentLength > 0 && r.ContentLength > o.MaxContentLength {
		return message.ReasonPayloadTooLarge
	}
	if len(o.RefusePayload) > 0 && e.refusedPayload() {
		return message.ReasonPayloadRefused
	}
	if o.MaxContentLength > 0 && r.ContentLength == message.Unknown {
		r.SetBody(&limitedBody{r: r.Body, left: o.MaxContentLength}, message.Unknown)
	}
	return message.ReasonNone
}

// validQuery reports whether q is made of pairs joined by "&" with valid
// percent-encoding: what url.ParseQuery takes.
func validQuery(q string) bool {
	if strings.IndexByte(q, ';') >= 0 {
		return false
	}
	for {
		i := strings.IndexByte(q, '%')
		if i < 0 {
			return true
		}
		if i+2 >= len(q) || !isHex(q[i+1]) || !isHex(q[i+2]) {
			return false
		}
		q = q[i+3:]
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func (e *passage) refusedPayload() bool {
	r := e.req
	for _, text := range e.p.opts.RefusePayload {
		if strings.Contains(r.Method, text) || strings.Contains(r.RawPath, text) ||
			strings.Contains(r.Query, text) || strings.Contains(r.Path, text) {
			return true
		}
		for _, f := range r.Header.Fields() {
			if strings.Contains(f.Name, text) || strings.Contains(f.Value, text) {
				return true
			}
		}
	}
	return false
}

// Refuse answers input that is not HTTP. It implements exchange.Handler.
func (p *Proxy) Refuse(d exchange.Downstream, pe *exchange.ProtocolError) {
	e := p.begin(d)
	defer e.end()
	e.times.begin = e.now()
	p.trust.apply(e.req, e.times.begin)
	e.fail(pe.Reason, pe)
	e.logSome(slog.LevelInfo, pe.Reason, "refuse malformed request", "client", e.req.Remote.String(), "reason", pe.Reason.Code(), "detail", pe.Detail)
	e.answer()
	e.brand()
	e.reply()
}
