package diag

import (
	"io"
	"log/slog"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "logBody",
	Params: []arg.Param{
		{Name: "what", Type: arg.Enum, OneOf: []string{"request", "response"}},
		{Name: "limit", Type: arg.Int, Max: 1 << 30},
	},
	Doc:     "logs the first bytes of the body of the request or the response, as they are, while it passes; bodies may hold secrets",
	Example: `* -> logBody("request", 1024) -> "http://127.0.0.1:8080"`,
	Differs: "lines are those of the structured log, with the flow id as a field",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return &logBody{log: env.Log, response: v.Text(0) == "response", limit: int64(v.Int(1))}, nil
	},
})

type logBody struct {
	log      *slog.Logger
	response bool
	limit    int64
}

func (f *logBody) Request(c *filter.Context) {
	if r := c.Request; !f.response && r.Body != nil && f.limit > 0 {
		r.SetBody(f.wrap(c, "request", r.Body), r.ContentLength)
	}
}

func (f *logBody) Response(c *filter.Context) {
	if r := c.Response; f.response && r.Body != nil && f.limit > 0 {
		r.SetBody(f.wrap(c, "response", r.Body), r.ContentLength)
	}
}

func (f *logBody) wrap(c *filter.Context, what string, src io.Reader) io.Reader {
	return &loggedBody{
		src: src, left: f.limit, what: what,
		log: f.log, flow: strings.Clone(c.Request.Header.Get("X-Flow-Id")), route: c.RouteID,
	}
}

// loggedBody is a body that is logged while it passes.
type loggedBody struct {
	src               io.Reader
	left              int64
	log               *slog.Logger
	what, flow, route string
}

// mostLogged is how much of a body a line has.
const mostLogged = 8 << 10

// Read logs what it read.
func (b *loggedBody) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	for at := 0; at < n && b.left > 0; {
		k := int(min(int64(n-at), b.left, mostLogged))
		b.log.Info("logBody", "of", b.what, "route", b.route, "flow", b.flow, "bytes", string(p[at:at+k]))
		at += k
		b.left -= int64(k)
	}
	return n, err
}

// Close closes the source.
func (b *loggedBody) Close() error { return closeSource(b.src) }
