package compress

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Options are the settings of the family.
var Options = option.Define("compress", Values{
	Encodings: []string{"gzip", "deflate", "br", "zstd"},
	MaxMemory: 256 << 20,
	MaxRatio:  200,
})

// Values are the settings and their types.
type Values struct {
	Encodings []string `flag:"compress-encodings" oneof:"gzip,deflate,br,zstd" doc:"content codings of the filter compress, the preferred first"`
	MaxMemory int64    `flag:"compress-max-memory" doc:"bytes that all responses being compressed or decompressed may take together, about 1 MB each at the usual level; further ones are sent as they are"`
	MaxRatio  int64    `flag:"decompress-max-ratio" doc:"how many times as long as it came a response may get by the filter decompress, beyond 4 MB: then it is cut; 0: any"`
}

var _ = filter.Define(filter.Def{
	Name:    "compress",
	Params:  []arg.Param{{Name: "level or content type", Type: arg.Any, Optional: true, Many: true, Default: "level 1 and the usual text types"}},
	Doc:     `compresses responses; first a level from 0 to 11, then content types, which extend the usual ones behind "..."`,
	Example: `* -> compress(5, "...", "application/xml") -> "http://127.0.0.1:8080"`,
	Differs: "Vary: Accept-Encoding stands also on what was not compressed, because caches must know what an answer depends on (RFC 9110 12.5.5). Parts (206) and what no-transform protects are left alone. The memory of all encoders has a bound; beyond it responses go out as they are.",
	New:     newCompress,
})

// The levels that the codings know; each uses the nearest it has.
const (
	lowestLevel  = -2 // Huffman coding only
	highestLevel = 11
	usualLevel   = 1
)

// usualTypes are those of the peer.
var usualTypes = [...]string{
	"text/plain", "text/html", "application/json", "application/javascript", "application/x-javascript",
	"text/javascript", "text/css", "image/svg+xml", "application/octet-stream",
}

// smallest is the length of a body that is worth it: shorter ones hardly
// shrink.
const smallest = 128

type compress struct {
	filter.ResponseOnly
	types []string
	// codings in the order of preference, each with its pool.
	codings []coding
}

type coding struct {
	name string
	pool *pool
}

func newCompress(v arg.Values, env *filter.Env) (filter.Filter, error) {
	level, types, err := settings(v.Raw())
	if err != nil {
		return nil, err
	}
	f := &compress{types: types}
	for _, name := range Options.From(env.Options).Encodings {
		p, err := sharedPool(env, name, level)
		if err != nil {
			return nil, err
		}
		f.codings = append(f.codings, coding{name, p})
	}
	return f, nil
}

func settings(args []eskip.Arg) (level int, types []string, err error) {
	level, types = usualLevel, usualTypes[:]
	if len(args) > 0 && args[0].Kind == eskip.NumberArg {
		level = int(args[0].Number)
		if float64(level) != args[0].Number || level < lowestLevel || level > highestLevel {
			return 0, nil, fmt.Errorf("found the level %v, expected a whole number from 0 (none) to %d (best)", args[0].Number, highestLevel)
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return level, types, nil
	}
	if args[0] == eskip.String("...") {
		args = args[1:]
		types = types[:len(types):len(types)]
	} else {
		types = nil
	}
	for _, a := range args {
		if a.Kind != eskip.StringArg {
			return 0, nil, fmt.Errorf("found the number %v behind content types: the level comes first", a.Number)
		}
		kind, sub, _ := strings.Cut(a.Text, "/")
		if kind == "" || sub == "" || strings.ContainsAny(a.Text, "; *") {
			return 0, nil, fmt.Errorf(`found %q, expected a content type such as "text/html"`, a.Text)
		}
		types = append(types, a.Text)
	}
	return level, types, nil
}

func (f *compress) Response(c *filter.Context) {
	r := c.Response
	if !f.eligible(c.Request, r) {
		return
	}
	filter.AddVary(&r.Header, "Accept-Encoding")
	i := negotiate(&c.Request.Header, f.codings)
	if i < 0 || !f.codings[i].pool.budget.take(f.codings[i].pool.weight) {
		return
	}
	describe(&r.Header, f.codings[i].name)
	r.SetBody(newBody(r.Body, r.ContentLength, f.codings[i].pool), message.Unknown)
}

// describe makes the fields true of the compressed body.
func describe(h *message.Header, coding string) {
	filter.ChangedBody(h)
	h.Set("Content-Encoding", coding)
}

// eligible reports whether the response may be compressed and is worth it.
func (f *compress) eligible(req *message.Request, r *message.Response) bool {
	switch {
	case req.Method == "HEAD", r.Body == nil:
		return false
	case r.Status < 200, r.Status == 204, r.Status == 205, r.Status == 206, r.Status == 304:
		return false
	case r.ContentLength >= 0 && r.ContentLength < smallest:
		return false
	}
	h := &r.Header
	for v := range h.Values("Content-Encoding") {
		if v != "" && !message.EqualName(v, "identity") {
			return false
		}
	}
	return !h.Has("Content-Range") && !filter.HasListed(h, "Cache-Control", "no-transform") && f.compressible(h.Get("Content-Type"))
}

func (f *compress) compressible(contentType string) bool {
	contentType, _, _ = strings.Cut(contentType, ";")
	contentType = strings.TrimRight(contentType, " \t")
	for _, t := range f.types {
		if message.EqualName(t, contentType) {
			return true
		}
	}
	return false
}
