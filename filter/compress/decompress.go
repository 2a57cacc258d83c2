package compress

import (
	"sync"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "decompress",
	Doc:     "decompresses responses in gzip, deflate, br and zstd, also on top of each other",
	Example: `* -> sed("foo", "bar") -> decompress() -> "http://127.0.0.1:8080"`,
	Differs: "undoes several codings; what grows beyond -decompress-max-ratio or is broken is cut; " +
		"keeps Vary, because the fields it names may still matter; takes zlib and raw data for deflate",
	New: newDecompress,
})

type decompress struct {
	filter.ResponseOnly
	budget *budget
	ratio  int64
	pools  *decoders
}

// decoders are the pools of the codings.
type decoders struct{ gzip, deflate, br, zstd sync.Pool }

type decodersKey struct{}

func newDecompress(_ arg.Values, env *filter.Env) (filter.Filter, error) {
	return &decompress{
		budget: sharedBudget(env),
		ratio:  Options.From(env.Options).MaxRatio,
		pools:  env.Shared(decodersKey{}, func() any { return new(decoders) }).(*decoders),
	}, nil
}

func (f *decompress) Response(c *filter.Context) {
	r := c.Response
	if r.Status == 206 || r.Header.Has("Content-Range") {
		return
	}
	var all [mostCodings]coded
	codings, ok := f.codings(&r.Header, all[:0])
	if !ok || len(codings) == 0 {
		return
	}
	if r.Body != nil {
		weight := int64(0)
		for _, c := range codings {
			weight += c.weight
		}
		if !f.budget.take(weight) {
			return
		}
		r.SetBody(newDecoded(r.Body, codings, weight, f), message.Unknown)
	} else if c.Request.Method == "HEAD" {
		r.ContentLength = message.Unknown
	}
	filter.ChangedBody(&r.Header)
	r.Header.Del("Content-Encoding")
}

// mostCodings bounds how many codings are undone.
const mostCodings = 4

// coded is a coding that was applied.
type coded struct {
	name   string
	weight int64 // bytes that undoing it takes, about
	pool   *sync.Pool
}

// codings appends to all the codings that were applied, in that order (RFC 9110
// 8.4). ok is false when one of them is not known or there are too many.
func (f *decompress) codings(h *message.Header, all []coded) (_ []coded, ok bool) {
	for list := range h.Values("Content-Encoding") {
		for name := range message.Tokens(list) {
			c := f.coded(name)
			switch {
			case c.name == "identity":
				continue
			case c.pool == nil || len(all) == mostCodings:
				return nil, false
			}
			all = append(all, c)
		}
	}
	return all, true
}

func (f *decompress) coded(name string) coded {
	const kb, mb = 1 << 10, 1 << 20
	for _, c := range [...]coded{
		{"gzip", 96 * kb, &f.pools.gzip}, {"x-gzip", 96 * kb, &f.pools.gzip}, {"deflate", 96 * kb, &f.pools.deflate},
		{"br", 4 * mb, &f.pools.br}, {"zstd", 4 * mb, &f.pools.zstd}, {"identity", 0, nil},
	} {
		if message.EqualName(c.name, name) {
			return c
		}
	}
	return coded{}
}
