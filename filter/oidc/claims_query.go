package oidc

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "oidcClaimsQuery",
	Also:    []string{"grantClaimsQuery"},
	Params:  []arg.Param{{Name: "path:queries", Type: arg.Text, Many: true}},
	Doc:     "lets users pass for whom one of the queries (GJSON) finds something in their claims; the first prefix of the path decides",
	Example: `* -> oidcClaimsQuery("/admin:groups.#[==\"admins\"] roles.#[==\"root\"]", "/:@_:email%\"*@example.org\"") -> "http://127.0.0.1:8080"`,
	Differs: "answers 403 instead of 401 to users whose claims do not suffice; the modifier @_ stands at the beginning of a query; a path with encoded slashes must pass as it is and as a server decodes it",
	New:     newClaimsQuery,
})

// claimsQuery checks the claims that a filter before it found.
type claimsQuery struct {
	filter.RequestOnly
	paths []pathQueries
}

// pathQueries are the queries for the paths that begin with prefix.
type pathQueries struct {
	prefix  string
	queries []string
}

func newClaimsQuery(v arg.Values, _ *filter.Env) (filter.Filter, error) {
	f := &claimsQuery{}
	for i, text := range v.Texts(0) {
		prefix, rest, ok := strings.Cut(text, ":")
		if !ok || !strings.HasPrefix(prefix, "/") {
			return nil, v.Wrong(i, `found %q, expected a path and queries, such as "/path:groups.#[==\"admins\"]"`, text)
		}
		p := pathQueries{prefix: prefix}
		for _, q := range splitQueries(rest) {
			q = expanded(unquoted(q))
			if q == "" || hasShorthand(q) {
				return nil, v.Wrong(i, "found the query %q, expected one of GJSON, with @_ at its beginning if at all", q)
			}
			p.queries = append(p.queries, q)
		}
		if len(p.queries) == 0 {
			return nil, v.Wrong(i, "found no query for the path %q, expected one or more, separated by spaces", prefix)
		}
		f.paths = append(f.paths, p)
	}
	return f, nil
}

// Request refuses who was not found out, and who lacks the claims.
func (f *claimsQuery) Request(c *filter.Context) {
	claims := known(c)
	switch {
	case len(claims) == 0:
		filter.SetState(c, "auth-reject-reason", "missing-token")
		c.Refuse(message.ReasonUnauthorized)
	case !f.passes(c.Request.Path, claims), !f.passes(asDecoded(c.Request), claims):
		filter.SetState(c, "auth-reject-reason", "invalid-access")
		c.Refuse(message.ReasonForbidden)
	}
}

// known returns what the filters before found out about the user: by a login, or
// of a token that they verified.
func known(c *filter.Context) []byte {
	if id := login.IdentityOf(c); id != nil {
		return id.Claims
	}
	claims, ok := issuer.Identity.Get(c)
	if !ok {
		return nil
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil // nobody is known then
	}
	return text
}

// asDecoded returns the path as servers see it that decode all of it and then
// take out what is empty: "/%2Fadmin" is "/admin" to them.
func asDecoded(r *message.Request) string {
	path, ok := message.UnescapePath(r.RawPath)
	if !ok {
		path = r.Path
	}
	return message.CleanPath(path)
}

func (f *claimsQuery) passes(path string, claims []byte) bool {
	for _, p := range f.paths {
		if !strings.HasPrefix(path, p.prefix) {
			continue
		}
		for _, q := range p.queries {
			if gjson.GetBytes(claims, q).Exists() {
				return true
			}
		}
		return false
	}
	return false
}

// splitQueries splits at spaces that are not inside of double quotes.
func splitQueries(text string) []string {
	var all []string
	inside, start := false, 0
	for i := range len(text) {
		switch {
		case text[i] == '"':
			inside = !inside
		case text[i] == ' ' && !inside:
			if i > start {
				all = append(all, text[start:i])
			}
			start = i + 1
		}
	}
	if start < len(text) {
		all = append(all, text[start:])
	}
	return all
}

func unquoted(q string) string {
	if n := len(q); n >= 2 && q[0] == q[n-1] && (q[0] == '"' || q[0] == '\'') {
		return q[1 : n-1]
	}
	return q
}

// shorthand of Skipper's: "@_:condition" is the user if the condition holds.
const shorthand = "@_:"

func expanded(q string) string {
	if condition, ok := strings.CutPrefix(q, shorthand); ok && condition != "" {
		return "[@this].#(" + condition + ")"
	}
	return q
}

// hasShorthand reports whether q has it outside of quotes, where it means nothing
// to gjson.
func hasShorthand(q string) bool {
	for i, part := range strings.Split(q, `"`) {
		if i%2 == 0 && strings.Contains(part, "@_") {
			return true
		}
	}
	return false
}
