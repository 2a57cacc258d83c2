package query

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name: "queryToHeader",
	Params: []arg.Param{
		{Name: "key", Type: arg.Text},
		{Name: "header", Type: arg.Text},
		{Name: "format", Type: arg.Text, Optional: true, Default: "%s"},
	},
	Doc:     "sets a request header that is not there yet to the value of a query parameter; %s in the format stands for it",
	Example: `* -> queryToHeader("access_token", "Authorization", "Bearer %s") -> dropQuery("access_token") -> "http://127.0.0.1:8080"`,
	Differs: "A value that no header can hold is not written: no client adds a field of its own.",
	New:     newToHeader,
})

func newToHeader(v arg.Values, _ *filter.Env) (filter.Filter, error) {
	f := &toHeader{key: v.Text(0), header: v.Text(1)}
	if err := filter.CheckSettable(f.header); err != nil {
		return nil, err
	}
	if !v.Has(2) {
		return f, nil
	}
	if err := filter.CheckFieldValue(v.Text(2)); err != nil {
		return nil, err
	}
	var err error
	f.before, f.after, err = cutFormat(v.Text(2))
	return f, err
}

// cutFormat splits a format at its one %s; %% is a percent sign.
func cutFormat(format string) (before, after string, err error) {
	var parts []string
	var b strings.Builder
	for rest := format; rest != ""; {
		text, verb, found := strings.Cut(rest, "%")
		b.WriteString(text)
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(verb, "%"):
			b.WriteByte('%')
		case strings.HasPrefix(verb, "s"), strings.HasPrefix(verb, "v"):
			parts = append(parts, b.String())
			b.Reset()
		default:
			return "", "", fmt.Errorf("format %q: only %%s and %%%% are known", format)
		}
		rest = verb[1:]
	}
	if len(parts) != 1 {
		return "", "", fmt.Errorf("format %q: expected one %%s, found %d", format, len(parts))
	}
	return parts[0], b.String(), nil
}

type toHeader struct {
	filter.RequestOnly
	key, header   string
	before, after string
}

func (f *toHeader) Request(c *filter.Context) {
	if c.Request.Header.Get(f.header) != "" {
		return
	}
	v, _ := message.QueryValue(c.Request.Query, f.key)
	if v == "" || !filter.ValidFieldValue(v) {
		return
	}
	if f.before != "" || f.after != "" {
		v = f.before + v + f.after
	}
	c.Request.Header.Set(f.header, v)
}
