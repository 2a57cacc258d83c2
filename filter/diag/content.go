package diag

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "randomContent",
	Params:  []arg.Param{length()},
	Doc:     "answers with random text of a length in bytes",
	Example: `* -> randomContent(42) -> <shunt>`,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &randomContent{length: int64(v.Number(0))}, nil
	},
})

var _ = filter.Define(filter.Def{
	Name:    "repeatContent",
	Params:  []arg.Param{{Name: "text", Type: arg.Text}, length()},
	Doc:     "answers with a text that repeats up to a length in bytes",
	Example: `* -> repeatContent("I will not waste chalk. ", 1000) -> <shunt>`,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newRepeat(v.Text(0), "text/plain", v.Number(1))
	},
})

var _ = filter.Define(filter.Def{
	Name:    "repeatContentHex",
	Params:  []arg.Param{{Name: "bytes", Type: arg.Text}, length()},
	Doc:     "answers with bytes, written in hexadecimal, that repeat up to a length",
	Example: `* -> repeatContentHex("00ff", 100) -> <shunt>`,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		b, err := hex.DecodeString(v.Text(0))
		if err != nil {
			return nil, fmt.Errorf("found %q, expected pairs of hexadecimal digits: %w", v.Text(0), err)
		}
		return newRepeat(string(b), "application/octet-stream", v.Number(1))
	},
})

// mostContent is more than any test needs.
const mostContent = 1 << 40

func length() arg.Param {
	return arg.Param{Name: "length", Type: arg.Int, Min: 0, Max: mostContent}
}

// answer serves length bytes of body.
func answer(c *filter.Context, contentType string, body io.Reader, length int64) {
	resp := &message.Response{Status: 200}
	resp.Header.Add("Content-Type", contentType)
	if length > 0 {
		resp.SetBody(io.LimitReader(body, length), length)
	}
	c.Serve(resp)
}

type randomContent struct {
	filter.RequestOnly
	length int64
}

func (f *randomContent) Request(c *filter.Context) { answer(c, "text/plain", randomText{}, f.length) }

// randomText reads as letters and digits without end.
type randomText struct{}

const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"

func (randomText) Read(p []byte) (int, error) {
	const lettersInUint64 = 10
	var bits uint64
	for i := range p {
		if i%lettersInUint64 == 0 {
			bits = rand.Uint64()
		}
		p[i] = letters[bits&63]
		bits >>= 6
	}
	return len(p), nil
}

type repeat struct {
	filter.RequestOnly
	text, contentType string
	length            int64
}

func newRepeat(text, contentType string, length float64) (filter.Filter, error) {
	if text == "" {
		return nil, errors.New("there is nothing to repeat")
	}
	return &repeat{text: text, contentType: contentType, length: int64(length)}, nil
}

func (f *repeat) Request(c *filter.Context) {
	answer(c, f.contentType, &repeated{text: f.text}, f.length)
}

// repeated reads as text over and over.
type repeated struct {
	text string
	pos  int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], r.text[r.pos:])
		n += k
		r.pos = (r.pos + k) % len(r.text)
	}
	return n, nil
}
