package query

import (
	"strconv"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "stripQuery",
	Params:    []arg.Param{{Name: "preserve", Type: arg.Bool, Optional: true, Default: "false"}},
	Doc:       `removes the query; with "true" its parameters become headers X-Query-Param-NAME`,
	Example:   `* -> stripQuery("true") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "At most 256 parameters become headers, and none that a header cannot hold, because every count has a bound.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &strip{keep: v.Bool(0)}, nil
	},
})

// mostKept bounds the headers that one query becomes: a short query can hold
// thousands of parameters.
const mostKept = 256

type strip struct {
	filter.RequestOnly
	keep bool
}

func (f *strip) Request(c *filter.Context) {
	r := c.Request
	if f.keep {
		keep(r)
	}
	r.Query = ""
}

// keep copies the parameters into headers. Values that no header can hold are
// left out.
func keep(r *message.Request) {
	n := 0
	for rawName, rawValue := range message.RawQuery(r.Query) {
		name, ok1 := message.UnescapeQuery(rawName)
		value, ok2 := message.UnescapeQuery(rawValue)
		if !ok1 || !ok2 || !filter.ValidFieldValue(value) {
			continue
		}
		if n++; n > mostKept {
			return
		}
		r.Header.Add("X-Query-Param-"+headerName(name), value)
	}
}

// headerName keeps what may stand in a header name: letters, digits and dashes.
// As with the peer, "ü" becomes "u00fc".
func headerName(name string) string {
	plain := true
	for i := range len(name) {
		plain = plain && nameByte(name[i])
	}
	if plain {
		return name
	}
	quoted := strconv.QuoteToASCII(name)
	kept := make([]byte, 0, len(quoted))
	for i := range len(quoted) {
		if nameByte(quoted[i]) {
			kept = append(kept, quoted[i])
		}
	}
	return string(kept)
}

func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-'
}
