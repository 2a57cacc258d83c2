package proxy

import (
	"log/slog"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/fastcgi"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/metrics"
)

// getProgram returns a connection to a fastcgi endpoint: an idle one, where they
// are kept, unless fresh is wanted.
func (l *lane) getProgram(a *attempt, fresh bool) (exchange.Upstream, error) {
	if !fresh {
		if c, ok := l.programs.Get(); ok {
			c.Idle = false
			l.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnIdle, metrics.ConnActive)
			return c, nil
		}
	}
	ctx, cancel := l.dialContext(a)
	defer cancel()
	nc, err := l.dial(ctx, nil)
	if err != nil {
		return nil, err
	}
	a.sent = a.e.now()
	l.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnClosed, metrics.ConnActive)
	return fastcgi.NewClient(sock.Wrap(nc, l.p.sweeper), fastcgi.Config{
		KeepConn: l.p.opts.FastCGIKeepConn && !l.p.opts.NoKeepAlives,
		OnStderr: l.logStderr, OnClose: l.programClosed,
	}), nil
}

// programClosed counts the end of a connection.
func (l *lane) programClosed(c *fastcgi.Client) {
	from := metrics.ConnActive
	if c.Idle {
		from = metrics.ConnIdle
	}
	l.p.metrics.ConnMoved(metrics.BackendSide, from, metrics.ConnClosed)
}

// logStderr logs what a program wrote to its standard error. Programs do so for
// requests of any kind, so that it is rationed like lines about requests.
func (l *lane) logStderr(text string) {
	withheld, ok := l.p.lines.of(message.ReasonNone).take(l.p.sweeper.Now())
	if !ok {
		return
	}
	l.p.log.Log(l.p.base, slog.LevelWarn, "a fastcgi program complained", "backend", l.t.ep.Address, "text", text, "withheld", withheld)
}
