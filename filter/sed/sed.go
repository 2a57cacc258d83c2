package sed

import (
	"io"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

const differs = "the output does not depend on how the body comes in pieces; empty matches are left out, and others of the same expression found; " +
	`compressed bodies stay as they are; "abort" cuts the message, so that nobody takes it for whole`

const differsResponse = differs + "; the Range of the request is dropped, because parts are not edited"

var _ = filter.Define(filter.Def{
	Name:      "sed",
	Params:    params(false),
	Doc:       "replaces all matches in the body of the response",
	Example:   `* -> sed("https?://old[.]example[.]org", "https://new.example.org") -> "http://127.0.0.1:8080"`,
	Differs:   differsResponse,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		e, err := newEdit(v, false)
		return &response{e}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "sedDelim",
	Params:    params(true),
	Doc:       "replaces all matches in the body of the response, in each piece up to a delimiter by itself",
	Example:   "* -> sedDelim(\"^\\d+\", \"N\", \"\n\") -> \"http://127.0.0.1:8080\"",
	Differs:   differsResponse + "; pieces may be longer than the buffer",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		e, err := newEdit(v, true)
		return &response{e}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "sedRequest",
	Params:    params(false),
	Doc:       "replaces all matches in the body of the request",
	Example:   `* -> sedRequest("colour", "color", 65536, "abort") -> "http://127.0.0.1:8080"`,
	Differs:   differs,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		e, err := newEdit(v, false)
		return &request{edit: e}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "sedRequestDelim",
	Params:    params(true),
	Doc:       "replaces all matches in the body of the request, in each piece up to a delimiter by itself",
	Example:   "* -> sedRequestDelim(\"password=.*\", \"\", \"\n\") -> \"http://127.0.0.1:8080\"",
	Differs:   differs + "; pieces may be longer than the buffer",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		e, err := newEdit(v, true)
		return &request{edit: e}, err
	},
})

// The bounds of an editor's buffer, in bytes.
const (
	usualBuffer = 2 << 20
	mostBuffer  = 1 << 30
)

func params(delimited bool) []arg.Param {
	p := []arg.Param{{Name: "expression", Type: arg.Regexp}, {Name: "replacement", Type: arg.Text}}
	if delimited {
		p = append(p, arg.Param{Name: "delimiter", Type: arg.Text})
	}
	return append(p,
		arg.Param{Name: "buffer", Type: arg.Int, Max: mostBuffer, Optional: true},
		arg.Param{Name: "when full", Type: arg.Enum, OneOf: []string{"best-effort", "abort"}, Optional: true})
}

// edit is what all editors of a filter share.
type edit struct {
	prog        *program
	replacement string
	delimiter   []byte
	most        int // bytes that may be kept
	abort       bool
}

func newEdit(v arg.Values, delimited bool) (*edit, error) {
	e := &edit{replacement: v.Text(1), most: usualBuffer}
	at := 2
	if delimited {
		e.delimiter = []byte(v.Text(at))
		at++
	}
	if n := v.Int(at); n > 0 {
		e.most = n
	}
	e.abort = v.Text(at+1) == "abort"
	var err error
	if e.prog, err = compile(v.Text(0)); err != nil {
		return nil, v.Wrong(0, "found %.100q: %w", v.Text(0), err)
	}
	return e, nil
}

type request struct {
	filter.RequestOnly
	*edit
}

func (f *request) Request(c *filter.Context) {
	r := c.Request
	if r.Body == nil || encoded(&r.Header) {
		return
	}
	filter.ChangedBody(&r.Header)
	r.SetBody(f.editor(r.Body), message.Unknown)
}

type response struct{ *edit }

// Request asks for the whole: of a part nobody knows what stands before it.
func (f *response) Request(c *filter.Context) {
	c.Request.Header.Del("Range")
	c.Request.Header.Del("If-Range")
}

func (f *response) Response(c *filter.Context) {
	r := c.Response
	if r.Status == 206 || r.Status == 304 || encoded(&r.Header) {
		return
	}
	switch {
	case r.Body != nil:
		filter.ChangedBody(&r.Header)
		r.SetBody(f.editor(r.Body), message.Unknown)
	case c.Request.Method == "HEAD":
		filter.ChangedBody(&r.Header)
		r.ContentLength = message.Unknown
	}
}

// encoded reports whether a body is not the text itself.
func encoded(h *message.Header) bool {
	for v := range h.Values("Content-Encoding") {
		if v != "" && !message.EqualName(v, "identity") {
			return true
		}
	}
	return false
}

func (f *edit) editor(src io.Reader) *editor {
	return &editor{src: src, edit: f, m: newMachine(f.prog), prev: nothing}
}
