package proxy

import (
	"fmt"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/proxyproto"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/pool"
)

// getOwn returns a new connection that begins with a PROXY header: it speaks for
// one client and serves nobody else. Over HTTP/2 connections are shared.
func (l *lane) getOwn(a *attempt) (exchange.Upstream, error) {
	if s := l.t.ep.Scheme; s == "h2c" || s == "fastcgi" {
		return nil, &pool.DialError{
			Endpoint: l.t.ep, Reason: message.ReasonDialFailed,
			Err: fmt.Errorf("proxyProtocol is for http and https backends, and this one is %s", s),
		}
	}
	ctx, cancel := l.dialContext(a)
	defer cancel()
	nc, err := l.dial(ctx, proxyproto.Append(nil, proxyproto.Header{
		Version: a.e.ctx.Upstream.ProxyProtocol, Source: a.req.Remote, Destination: a.req.Local,
	}), "http/1.1")
	if err != nil {
		return nil, err
	}
	a.sent = a.e.now()
	return l.newClient(nc), nil
}
