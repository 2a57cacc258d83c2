package accesslog

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/claims"
)

var _ = filter.Define(filter.Def{
	Name:      "unverifiedAuditLog",
	Params:    []arg.Param{{Name: "claim", Type: arg.Text, Optional: true, Default: "sub"}},
	Doc:       "sets X-Unverified-Audit, which the access log shows, to a claim of the bearer token; nobody has verified it",
	Example:   `* -> unverifiedAuditLog("azp") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "A field of that name that the client sent is removed first: it would be logged as if a token had said it. Brackets, backslash, ^ and ` are odd letters, too.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f := &unverified{claim: "sub"}
		if v.Has(0) {
			f.claim = v.Text(0)
		}
		if f.claim == "" {
			return nil, v.Wrong(0, `found "", expected the name of a claim`)
		}
		return f, nil
	},
})

const header = "X-Unverified-Audit"

// odd stands in the log for a name with letters that could deceive its readers.
const odd = "<invalid-sub>"

type unverified struct {
	filter.RequestOnly
	claim string
}

func (f *unverified) Request(c *filter.Context) {
	h := &c.Request.Header
	h.DelVariants(header)
	token, ok := claims.Bearer(h.Get("Authorization"))
	if !ok {
		return
	}
	var buf [2 << 10]byte
	said, ok := claims.Decode(token, buf[:])
	if !ok {
		return
	}
	if name, ok := said.Text(f.claim); ok {
		h.Add(header, plain(name))
	}
}

// plain returns a copy of name if it may stand in a log.
func plain(name string) string {
	for i := range len(name) {
		if !plainByte(name[i]) {
			return odd
		}
	}
	return strings.Clone(name)
}

func plainByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '_', '/', ':', '?', '=', '&', '%', '@', '.', '#', '-':
		return true
	}
	return false
}
