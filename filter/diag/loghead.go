package diag

import (
	"fmt"
	"log/slog"
	"slices"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "logHeader",
	Params:  []arg.Param{{Name: "what", Type: arg.Enum, OneOf: []string{"request", "response"}, Optional: true, Many: true}},
	Doc:     "logs the head of the request, the response or both; without an argument that of the request",
	Example: `* -> logHeader("request", "response") -> "http://127.0.0.1:8080"`,
	Differs: "values of Authorization, Cookie and other fields with credentials are not logged, nor is the query, which may hold some; at most 100 fields of 1000 bytes",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		all := v.Texts(0)
		return &logHeader{
			log:     env.Log,
			request: len(all) == 0 || slices.Contains(all, "request"), response: slices.Contains(all, "response"),
		}, nil
	},
})

type logHeader struct {
	log               *slog.Logger
	request, response bool
}

func (f *logHeader) Request(c *filter.Context) {
	if r := c.Request; f.request {
		f.log.Info("logHeader: request", "route", c.RouteID, "flow", r.Header.Get("X-Flow-Id"),
			"method", r.Method, "path", r.RawPath, "version", fmt.Sprintf("HTTP/%d.%d", r.Major, r.Minor), "host", r.Host, "header", shown(&r.Header))
	}
}

func (f *logHeader) Response(c *filter.Context) {
	if r := c.Response; f.response {
		f.log.Info("logHeader: response", "route", c.RouteID, "flow", c.Request.Header.Get("X-Flow-Id"),
			"status", r.Status, "header", shown(&r.Header))
	}
}

// The bounds of what is logged.
const (
	mostFields = 100
	mostValue  = 1000
)

// shown returns the fields of h as they may stand in a log.
func shown(h *message.Header) []string {
	var all []string
	for i, f := range h.Fields() {
		if i == mostFields {
			return append(all, "...")
		}
		all = append(all, cut(f.Name)+": "+shownValue(f))
	}
	return all
}

func shownValue(f message.Field) string {
	if !confidential(f.Name) {
		return cut(f.Value)
	}
	if scheme, ok := scheme(f); ok {
		return scheme + " (not shown)"
	}
	return "(not shown)"
}

func cut(s string) string {
	if len(s) > mostValue {
		return s[:mostValue] + "..."
	}
	return s
}

// confidential reports whether fields of the name hold credentials.
func confidential(name string) bool {
	for _, n := range [...]string{
		"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Api-Key", "X-Auth-Token", "X-Access-Token",
		"X-Forwarded-Access-Token", "X-Csrf-Token", "X-Xsrf-Token", "X-Amz-Security-Token", "X-Forwarded-Tls-Client-Cert",
		"Authentication-Info", "Proxy-Authentication-Info", "Sec-WebSocket-Key",
	} {
		if message.EqualName(n, name) {
			return true
		}
	}
	return false
}

// scheme returns the scheme of credentials, if it is one that everybody knows.
func scheme(f message.Field) (string, bool) {
	for _, s := range [...]string{"Basic", "Bearer", "Digest", "Negotiate", "AWS4-HMAC-SHA256"} {
		if len(f.Value) > len(s) && f.Value[len(s)] == ' ' && message.EqualName(f.Value[:len(s)], s) {
			return s, true
		}
	}
	return "", false
}
