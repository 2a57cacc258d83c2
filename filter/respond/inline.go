package respond

import (
	"net/http"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "inlineContent",
	Params: []arg.Param{
		{Name: "text", Type: arg.Text},
		{Name: "content type", Type: arg.Text, Optional: true, Default: "what the text looks like"},
	},
	Doc:       "answers with a text and status 200; the filters behind it and the backend are not asked",
	Example:   `Path("/hello") -> inlineContent("{\"hello\": \"world\"}", "application/json") -> <shunt>`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		ct, err := contentType(v, 1, v.Text(0))
		return &inline{text: v.Text(0), contentType: ct}, err
	},
})

// contentType returns argument i, or what text looks like.
func contentType(v arg.Values, i int, text string) (string, error) {
	if !v.Has(i) {
		return http.DetectContentType([]byte(text)), nil
	}
	return v.Text(i), filter.CheckFieldValue(v.Text(i))
}

type inline struct {
	filter.RequestOnly
	text, contentType string
}

func (f *inline) Request(c *filter.Context) { c.ServeText(200, f.contentType, f.text) }
