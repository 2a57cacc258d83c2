package block

import (
	"encoding/hex"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Options are the settings of the family.
var Options = option.Define("block", Values{MaxBuffer: 2 << 20})

// Values are the settings and their types.
type Values struct {
	MaxBuffer int64 `flag:"max-matcher-buffer-size" doc:"bytes of a request's body that blockContent may hold back: no text to block may be longer"`
}

const differs = "holds back only what may be the beginning of a text, so bodies stream; " +
	"-max-matcher-buffer-size bounds the length of the texts, and a text across the bounds of buffers is found, too"

var _ = filter.Define(filter.Def{
	Name:      "blockContent",
	Params:    []arg.Param{{Name: "text", Type: arg.Text, Many: true}},
	Doc:       "answers 400 to requests whose body contains one of the texts",
	Example:   `* -> blockContent("<!ENTITY", "${jndi:") -> "http://127.0.0.1:8080"`,
	Differs:   differs,
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newBlock(v, env, func(s string) ([]byte, error) { return []byte(s), nil })
	},
})

var _ = filter.Define(filter.Def{
	Name:      "blockContentHex",
	Params:    []arg.Param{{Name: "bytes", Type: arg.Text, Many: true}},
	Doc:       "answers 400 to requests whose body contains one of the sequences of bytes, written in hexadecimal",
	Example:   `* -> blockContentHex("deadbeef", "000a") -> "http://127.0.0.1:8080"`,
	Differs:   differs,
	Shareable: true,
	New:       func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newBlock(v, env, hex.DecodeString) },
})

type block struct {
	filter.RequestOnly
	texts   []text
	blocked filter.Counter
}

func newBlock(v arg.Values, env *filter.Env, decode func(string) ([]byte, error)) (filter.Filter, error) {
	f := &block{blocked: env.Metrics.Counter("blocked.requests")}
	most := Options.From(env.Options).MaxBuffer
	for i, s := range v.Texts(0) {
		b, err := decode(s)
		switch {
		case err != nil:
			return nil, v.Wrong(i, "found %.100q, expected pairs of hexadecimal digits: %w", s, err)
		case len(b) == 0:
			return nil, v.Wrong(i, "found nothing, which is in every body: expected a text to block")
		case int64(len(b)) > most:
			return nil, v.Wrong(i, "found %d bytes, expected at most the %d of -max-matcher-buffer-size", len(b), most)
		}
		f.texts = append(f.texts, newText(b))
	}
	return f, nil
}

func (f *block) Request(c *filter.Context) {
	r := c.Request
	if r.Body == nil {
		return
	}
	if b, ok := r.Body.(exchange.Body); ok {
		if data, all := b.Whole(); all {
			if f.find(data) {
				f.blocked.Add(1)
				c.Refuse(message.ReasonBodyBlocked)
			}
			return
		}
	}
	r.SetBody(newGuarded(r.Body, f), r.ContentLength)
}
