package proxy

import (
	"context"
	"crypto/tls"
	"net"

	"fairlead.dev/fairlead/http3"
	"fairlead.dev/fairlead/listen"
	"fairlead.dev/fairlead/option"
)

// Door lets clients in: over TCP, or over QUIC if Packets is there. There is one
// of that kind at most.
type Door struct {
	// Listener makes what comes by Socket ready for a request.
	Listener *listen.Listener
	Socket   net.Listener

	// Packets and TLS are for HTTP/3.
	Packets *http3.Socket
	TLS     *tls.Config
}

// run lets clients in until ctx ends.
func (d *Door) run(ctx context.Context, e *engines) error {
	if d.Packets != nil {
		return e.h3.Serve(ctx, d.Packets, d.TLS)
	}
	return d.Listener.Run(ctx, d.Socket, e.serve)
}

// newHTTP3 makes the engine that serves HTTP/3, if a door asks for it.
func (p *Proxy) newHTTP3(options *option.Set) *http3.Server {
	q := http3.Options.From(options)
	return http3.NewServer(p, http3.ServerConfig{
		ServerConfig: p.serverConfig(),
		MaxStreams:   q.MaxStreams, MaxConns: q.MaxConns, MaxPerClient: q.MaxPerClient, RetryFrom: q.RetryFrom,
		AdvertisePort: q.AdvertisePort, AltSvcMaxAge: q.AltSvcMaxAge,
		ConnEnded: func(c http3.Code) { p.metrics.ConnEnded("HTTP/3", c.String()) },
	}, p.sweeper)
}

// altSvc returns what tells the client of HTTP/3 (RFC 7838), "" if it need not
// know or cannot believe it.
func (e *passage) altSvc() string {
	if e.req.TLS == nil || e.req.Major > 2 || e.isInner() {
		return ""
	}
	return e.p.http3.AltSvc()
}

// HandOverHTTP3 leaves the sockets of HTTP/3 to the process that replaces this
// one; see http3.Server.HandOver. Call it before Run is told to end.
func (p *Proxy) HandOverHTTP3(ctx context.Context) { p.http3.HandOver(ctx) }
