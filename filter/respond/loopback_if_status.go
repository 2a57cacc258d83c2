package respond

import (
	"io"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:   "loopbackIfStatus",
	Params: []arg.Param{statusParam(), {Name: "path", Type: arg.Text}},
	Doc:    "replaces responses that have the status by what the routes answer under another path",
	Example: `page: Path("/page/:id") -> loopbackIfStatus(404, "/sorry") -> "http://127.0.0.1:8080";
sorry: Path("/sorry") -> inlineContent("The page is gone.") -> <shunt>`,
	Differs: "The other path is asked for with GET, or HEAD, without a body and without fields about one, ranges or conditions: the body was sent already, and what holds for one resource does not for another. " +
		"Answers that Fairlead makes itself are replaced as well, such as 502 for a backend that is down. Where no answer can be had at all the response stays as it is.",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		path := v.Text(1)
		if !strings.HasPrefix(path, "/") || strings.IndexByte(path, 0) >= 0 {
			return nil, v.Wrong(1, `found %q, expected a path such as "/sorry"`, path)
		}
		return &loopbackIfStatus{status: v.Int(0), path: path}, nil
	},
})

type loopbackIfStatus struct {
	filter.ResponseOnly
	status int
	path   string
}

// HandlesErrors implements filter.ErrorHandler.
func (f *loopbackIfStatus) HandlesErrors() bool { return true }

// ofOneResource are fields of a request that say nothing about another resource,
// or about a body that is not sent.
var ofOneResource = [...]string{
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
	"Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5",
}

// Response implements filter.Filter.
func (f *loopbackIfStatus) Response(c *filter.Context) {
	router := c.Router()
	if c.Response.Status != f.status || router == nil {
		return
	}
	req := c.Request.Clone()
	if req.Method != "HEAD" {
		req.Method = "GET"
	}
	req.SetPath(f.path)
	for _, name := range ofOneResource {
		req.Header.Del(name)
	}
	resp, err := router.Exchange(c.Context(), &req)
	if err != nil {
		return // there is nothing better than what the backend said
	}
	drain(c.Response)
	c.Recover(resp)
}

// mostLeft is how much of a body that nobody wants is read, so that its
// connection can be used again.
const mostLeft = 16 << 10

// drain reads what is left of a response that is replaced, if it is not much.
func drain(r *message.Response) {
	if r.Body != nil && r.ContentLength > 0 && r.ContentLength <= mostLeft {
		_, _ = io.Copy(io.Discard, r.Body) // if it fails the connection is closed, and that is all
	}
}
