package header

import (
	"encoding/base64"
	"unsafe"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "encodeBase64RequestHeader",
	Params:    nameAndPart(),
	Doc:       "writes a request header, or one of its parts between blanks counted from 0, in base64",
	Example:   `* -> encodeBase64RequestHeader("Authorization", 1) -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInPart,
	New:       func(v arg.Values, _ *filter.Env) (filter.Filter, error) { return newRecoding(v, encode64, true) },
})

var _ = filter.Define(filter.Def{
	Name:      "decodeBase64RequestHeader",
	Params:    nameAndPart(),
	Doc:       "decodes a request header that is base64, or one of its parts between blanks counted from 0; what is no base64 stays",
	Example:   `* -> decodeBase64RequestHeader("Authorization", 1) -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInPart + " " + differsInDecoded,
	New:       func(v arg.Values, _ *filter.Env) (filter.Filter, error) { return newRecoding(v, decode64, true) },
})

var _ = filter.Define(filter.Def{
	Name:      "encodeBase64ResponseHeader",
	Params:    nameAndPart(),
	Doc:       "writes a response header, or one of its parts between blanks counted from 0, in base64",
	Example:   `* -> encodeBase64ResponseHeader("X-Token") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInPart,
	New:       func(v arg.Values, _ *filter.Env) (filter.Filter, error) { return newRecoding(v, encode64, false) },
})

var _ = filter.Define(filter.Def{
	Name:      "decodeBase64ResponseHeader",
	Params:    nameAndPart(),
	Doc:       "decodes a response header that is base64, or one of its parts between blanks counted from 0; what is no base64 stays",
	Example:   `* -> decodeBase64ResponseHeader("X-Token") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInPart + " " + differsInDecoded,
	New:       func(v arg.Values, _ *filter.Env) (filter.Filter, error) { return newRecoding(v, decode64, false) },
})

const (
	differsInPart    = "A part that is not there is no line in the log, which clients could fill; a negative one is an error of the route. Blanks around the part stay."
	differsInDecoded = "What has control characters once it is decoded stays encoded: it would be another header to some backend."
)

// mostParts bounds the number of a part: no header has more.
const mostParts = 1 << 16

func nameAndPart() []arg.Param {
	return []arg.Param{
		{Name: "name", Type: arg.Text},
		{Name: "part", Type: arg.Int, Min: 0, Max: mostParts, Optional: true},
	}
}

// recoding writes a value, or a part of it, in another form; ok is false when it
// cannot be.
type recoding struct {
	name string
	part int // -1 is the whole
	to   func(text string) (value string, ok bool)
}

func newRecoding(v arg.Values, to func(string) (string, bool), request bool) (filter.Filter, error) {
	r := recoding{name: v.Text(0), part: -1, to: to}
	if err := checkRecoded(r.name); err != nil {
		return nil, v.Wrong(0, "%w", err)
	}
	if v.Has(1) {
		r.part = v.Int(1)
	}
	if request {
		return &recodeRequest{recoding: r}, nil
	}
	return &recodeResponse{recoding: r}, nil
}

func encode64(text string) (string, bool) {
	b := make([]byte, base64.StdEncoding.EncodedLen(len(text)))
	base64.StdEncoding.Encode(b, bytesOf(text))
	return unsafe.String(unsafe.SliceData(b), len(b)), true
}

func decode64(text string) (string, bool) {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(b, bytesOf(text))
	if err != nil {
		return "", false
	}
	decoded := unsafe.String(unsafe.SliceData(b), n)
	return decoded, filter.ValidFieldValue(decoded)
}

// bytesOf returns the bytes of s to read only.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// change rewrites the field as far as it has what is asked for. The first value
// takes the place of all.
func (r *recoding) change(h *message.Header) {
	value := h.Get(r.name)
	from, to := 0, len(value)
	if r.part >= 0 {
		from, to = partOf(value, r.part)
	}
	if from == to {
		return
	}
	text, ok := r.to(value[from:to])
	if !ok {
		return
	}
	if to-from < len(value) {
		text = value[:from] + text + value[to:]
	}
	h.Set(r.name, text)
}

// partOf returns where the n-th part between blanks begins and ends, the same
// when there is none.
func partOf(s string, n int) (from, to int) {
	for to < len(s) {
		for from = to; from < len(s) && blank(s[from]); {
			from++
		}
		for to = from; to < len(s) && !blank(s[to]); {
			to++
		}
		if n == 0 {
			return from, to
		}
		n--
	}
	return 0, 0
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

type recodeRequest struct {
	filter.RequestOnly
	recoding
}

func (f *recodeRequest) Request(c *filter.Context) { f.change(&c.Request.Header) }

type recodeResponse struct {
	filter.ResponseOnly
	recoding
}

func (f *recodeResponse) Response(c *filter.Context) { f.change(&c.Response.Header) }
