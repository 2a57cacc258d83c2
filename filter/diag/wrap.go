package diag

import (
	"encoding/hex"
	"io"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

const differsWrap = "the length stays known, and what is said about the bytes of the body (ETag, digests) is taken back; parts (206) are not wrapped"

var _ = filter.Define(filter.Def{
	Name:      "wrapContent",
	Params:    []arg.Param{{Name: "prefix", Type: arg.Text}, {Name: "suffix", Type: arg.Text}},
	Doc:       "puts a text before and one behind the body of the response",
	Example:   `* -> wrapContent("[", "0]") -> repeatContent("0, ", 297) -> <shunt>`,
	Differs:   differsWrap,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &wrap{prefix: v.Text(0), suffix: v.Text(1)}, nil
	},
})

var _ = filter.Define(filter.Def{
	Name:      "wrapContentHex",
	Params:    []arg.Param{{Name: "prefix", Type: arg.Text}, {Name: "suffix", Type: arg.Text}},
	Doc:       "puts bytes, written in hexadecimal, before and behind the body of the response",
	Example:   `* -> wrapContentHex("68657861", "6d616c") -> inlineContent("deci") -> <shunt>`,
	Differs:   differsWrap,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		var b [2][]byte
		for i := range b {
			var err error
			if b[i], err = hex.DecodeString(v.Text(i)); err != nil {
				return nil, v.Wrong(i, "found %.100q, expected pairs of hexadecimal digits: %w", v.Text(i), err)
			}
		}
		return &wrap{prefix: string(b[0]), suffix: string(b[1])}, nil
	},
})

type wrap struct {
	filter.ResponseOnly
	prefix, suffix string
}

func (f *wrap) Response(c *filter.Context) {
	r := c.Response
	head := c.Request.Method == "HEAD"
	if r.Status < 200 || r.Status == 204 || r.Status == 205 || r.Status == 206 || r.Status == 304 || head && r.Body == nil && r.ContentLength <= 0 {
		return
	}
	filter.ChangedBody(&r.Header)
	length := r.ContentLength
	if length >= 0 {
		length += int64(len(f.prefix) + len(f.suffix))
	}
	if head && r.Body == nil {
		r.ContentLength = length
		return
	}
	b := &wrapped{src: r.Body}
	parts := []io.Reader{strings.NewReader(f.prefix)}
	if r.Body != nil {
		parts = append(parts, r.Body)
	} else {
		length = int64(len(f.prefix) + len(f.suffix))
	}
	b.Reader = io.MultiReader(append(parts, strings.NewReader(f.suffix))...)
	r.SetBody(b, length)
}

// wrapped is a body with something around it.
type wrapped struct {
	io.Reader
	src io.Reader // may be nil
}

// Close closes the body inside.
func (b *wrapped) Close() error { return closeSource(b.src) }
