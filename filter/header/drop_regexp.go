package header

import (
	"regexp"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// The second names are those of the peer's documentation, which its code does
// not know.
var _ = filter.Define(filter.Def{
	Name:      "dropRequestHeaderRegexp",
	Also:      []string{"dropRequestHeaderValueRegexp"},
	Params:    nameAndPattern(),
	Doc:       "removes the values of a request header that match",
	Example:   `* -> dropRequestHeaderRegexp("Accept-Encoding", "^br$") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "The name of Skipper's documentation, with Value in it, works too: people copy from there.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		p, err := newPattern(v)
		return &dropRequestMatching{pattern: p}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "dropResponseHeaderRegexp",
	Also:      []string{"dropResponseHeaderValueRegexp"},
	Params:    nameAndPattern(),
	Doc:       "removes the values of a response header that match",
	Example:   `* -> dropResponseHeaderRegexp("Set-Cookie", "^debug=") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "The name of Skipper's documentation, with Value in it, works too: people copy from there.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		p, err := newPattern(v)
		return &dropResponseMatching{pattern: p}, err
	},
})

func nameAndPattern() []arg.Param {
	return []arg.Param{{Name: "name", Type: arg.Text}, {Name: "expression", Type: arg.Regexp}}
}

// pattern selects values of a field.
type pattern struct {
	name string
	expr *regexp.Regexp
}

func newPattern(v arg.Values) (pattern, error) {
	return pattern{v.Text(0), v.Regexp(1)}, filter.CheckFieldName(v.Text(0))
}

func (p *pattern) drop(h *message.Header) {
	if !filter.Droppable(p.name) {
		return
	}
	h.DelFunc(func(f message.Field) bool {
		return message.EqualName(f.Name, p.name) && p.expr.MatchString(f.Value)
	})
}

type dropRequestMatching struct {
	filter.RequestOnly
	pattern
}

func (f *dropRequestMatching) Request(c *filter.Context) { f.drop(&c.Request.Header) }

type dropResponseMatching struct {
	filter.ResponseOnly
	pattern
}

func (f *dropResponseMatching) Response(c *filter.Context) { f.drop(&c.Response.Header) }
