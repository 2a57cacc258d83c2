package respond

import (
	"io"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "inlineContentIfStatus",
	Params: []arg.Param{
		statusParam(),
		{Name: "text", Type: arg.Text},
		{Name: "content type", Type: arg.Text, Optional: true, Default: "what the text looks like"},
	},
	Doc:       "replaces the body of responses that have the status by a text",
	Example:   `* -> inlineContentIfStatus(404, "<h1>Not here</h1>", "text/html; charset=utf-8") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Fields that describe the body that is gone, such as ETag and Content-Encoding, go with it: they would be wrong for the text.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		ct, err := contentType(v, 2, v.Text(1))
		return &inlineIfStatus{status: v.Int(0), text: v.Text(1), contentType: ct}, err
	},
})

type inlineIfStatus struct {
	filter.ResponseOnly
	status            int
	text, contentType string
}

// about are fields that describe the body that is replaced.
var about = [...]string{
	"Content-Encoding", "Content-Range", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest",
	"ETag", "Last-Modified", "Accept-Ranges",
}

func (f *inlineIfStatus) Response(c *filter.Context) {
	r := c.Response
	if r.Status != f.status {
		return
	}
	if closer, ok := r.Body.(io.Closer); ok {
		_ = closer.Close() // nobody reads it any more
	}
	for _, name := range about {
		r.Header.Del(name)
	}
	r.Header.Set("Content-Type", f.contentType)
	r.Trailer.Reset()
	r.SetBody(io.NopCloser(strings.NewReader(f.text)), int64(len(f.text)))
}
