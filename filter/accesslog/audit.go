package accesslog

import (
	"encoding/json"
	"io"
	"log/slog"
	"sync"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Options are the settings of the filter auditLog.
var Options = option.Define("auditlog", Values{MaxBody: 1024})

// Values are the settings and their types.
type Values struct {
	File    string `flag:"audit-log" doc:"file for the lines of the filter auditLog; the default is standard error"`
	MaxBody int    `flag:"max-audit-body" doc:"bytes of a request's body that the filter auditLog writes; below 0: the most there may be, 1 MB"`
}

// mostAuditBody bounds what is kept of a body.
const mostAuditBody = 1 << 20

var _ = filter.Define(filter.Def{
	Name:    "auditLog",
	Doc:     "writes who asked for what with which outcome, and the beginning of the request's body, as a line of JSON",
	Example: `* -> auditLog() -> "http://127.0.0.1:8080"`,
	Differs: "method and path are those the client sent; written when the exchange has ended, also when it failed, with the status that was sent; " +
		"of the body it has what was read by then, at most 1 MB; rejections by all filters are seen; " +
		"an output that does not keep up costs lines (auditLog.dropped), not time",
	New: newAudit,
})

type audit struct {
	most int
	out  *auditOutput
	log  *slog.Logger
}

type auditOutputKey struct{}

func newAudit(_ arg.Values, env *filter.Env) (filter.Filter, error) {
	opts := Options.From(env.Options)
	out := env.Shared(auditOutputKey{}, func() any {
		return &auditOutput{file: opts.File, log: env.Log, dropped: env.Metrics.Counter("auditLog.dropped")}
	}).(*auditOutput)
	if err := out.check(); err != nil {
		return nil, err
	}
	most := opts.MaxBody
	if most < 0 || most > mostAuditBody {
		most = mostAuditBody
	}
	return &audit{most: most, out: out, log: env.Log}, nil
}

// audited is what an audit keeps of an exchange.
type audited struct {
	by *audit

	mu   sync.Mutex // the body may be read while the exchange ends
	body []byte
}

var auditKey = filter.NewKey[*audited]("audit")

func (f *audit) Request(c *filter.Context) {
	if _, again := auditKey.Get(c); again {
		return // once is enough
	}
	a := &audited{by: f}
	auditKey.Set(c, a)
	if r := c.Request; r.Body != nil && f.most > 0 {
		r.SetBody(&auditedBody{src: r.Body, of: a}, r.ContentLength)
	}
}

func (f *audit) Response(*filter.Context) {}

// Phases implements filter.Hints.
func (f *audit) Phases() filter.Phase { return filter.InRequest }

// auditLine is what is written; names and order are those of the peer.
type auditLine struct {
	Method      string      `json:"method"`
	Path        string      `json:"path"`
	Status      int         `json:"status"`
	AuthStatus  *authStatus `json:"authStatus,omitempty"`
	RequestBody string      `json:"requestBody,omitempty"`
}

type authStatus struct {
	User     string `json:"user,omitempty"`
	Rejected bool   `json:"rejected"`
	Reason   string `json:"reason,omitempty"`
}

// End writes the line.
func (f *audit) End(c *filter.Context) {
	a, ok := auditKey.Get(c)
	if !ok || a.by != f {
		return
	}
	line := auditLine{Method: c.Original.Method, Path: c.Original.Path, Status: c.Result.Status, AuthStatus: authOf(c)}
	if line.Status == 0 {
		line.Status = c.Result.Reason.Status()
	}
	a.mu.Lock()
	line.RequestBody = string(a.body)
	a.mu.Unlock()
	b, err := json.Marshal(&line)
	if err != nil {
		f.log.Error("write audit log", "route", c.RouteID, "error", err.Error())
		return
	}
	f.out.add(append(b, '\n'))
}

// authOf returns what is known about who asked, nil if nothing is.
func authOf(c *filter.Context) *authStatus {
	user, _ := filter.State(c, "auth-user")
	reason, rejected := filter.State(c, "auth-reject-reason")
	if !rejected {
		switch c.Result.Reason {
		case message.ReasonUnauthorized, message.ReasonForbidden, message.ReasonAuthUnavailable:
			reason, rejected = c.Result.Reason.Code(), true
		}
	}
	if user == "" && !rejected {
		return nil
	}
	return &authStatus{User: user, Rejected: rejected, Reason: reason}
}

// auditedBody is a request's body of which the beginning is kept.
type auditedBody struct {
	src io.Reader
	of  *audited
}

// Read keeps what it read.
func (b *auditedBody) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	if room := b.of.by.most - len(b.of.body); room > 0 {
		b.of.body = append(b.of.body, p[:min(n, room)]...)
	}
	return n, err
}

// Close closes the source.
func (b *auditedBody) Close() error {
	if c, ok := b.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
