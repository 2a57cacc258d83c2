package header

import (
	"fmt"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/encoding/charmap"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "encodeRequestHeader",
	Params:    nameAndCharset(),
	Doc:       "writes a request header that is UTF-8 in another charset, for backends that know no other; what it lacks becomes ?",
	Example:   `* -> encodeRequestHeader("X-Name", "ISO8859_1") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInCharset,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		r, err := newCharset(v)
		return &recodeRequest{recoding: r}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "encodeResponseHeader",
	Params:    nameAndCharset(),
	Doc:       "writes a response header that is UTF-8 in another charset, for clients that know no other; what it lacks becomes ?",
	Example:   `* -> encodeResponseHeader("X-Name", "Windows1252") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInCharset,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		r, err := newCharset(v)
		return &recodeResponse{recoding: r}, err
	},
})

const differsInCharset = "One character that the charset lacks does not empty the whole header; what is no UTF-8 stays as it is."

func nameAndCharset() []arg.Param {
	names := make([]string, len(charsets))
	for i := range charsets {
		names[i] = charsets[i].name
	}
	return []arg.Param{{Name: "name", Type: arg.Text}, {Name: "charset", Type: arg.Enum, OneOf: names}}
}

// charsets by the names that Skipper has for them.
var charsets = [...]struct {
	name string
	of   *charmap.Charmap
}{
	{"ISO8859_1", charmap.ISO8859_1},
	{"ISO8859_2", charmap.ISO8859_2},
	{"ISO8859_3", charmap.ISO8859_3},
	{"ISO8859_4", charmap.ISO8859_4},
	{"ISO8859_5", charmap.ISO8859_5},
	{"ISO8859_6", charmap.ISO8859_6},
	{"ISO8859_7", charmap.ISO8859_7},
	{"ISO8859_8", charmap.ISO8859_8},
	{"ISO8859_9", charmap.ISO8859_9},
	{"ISO8859_10", charmap.ISO8859_10},
	{"ISO8859_13", charmap.ISO8859_13},
	{"ISO8859_14", charmap.ISO8859_14},
	{"ISO8859_15", charmap.ISO8859_15},
	{"ISO8859_16", charmap.ISO8859_16},
	{"KOI8R", charmap.KOI8R},
	{"KOI8U", charmap.KOI8U},
	{"Macintosh", charmap.Macintosh},
	{"MacintoshCyrillic", charmap.MacintoshCyrillic},
	{"Windows1250", charmap.Windows1250},
	{"Windows1251", charmap.Windows1251},
	{"Windows1252", charmap.Windows1252},
	{"Windows1253", charmap.Windows1253},
	{"Windows1254", charmap.Windows1254},
	{"Windows1255", charmap.Windows1255},
	{"Windows1256", charmap.Windows1256},
	{"Windows1257", charmap.Windows1257},
	{"Windows1258", charmap.Windows1258},
	{"Windows874", charmap.Windows874},
}

func newCharset(v arg.Values) (recoding, error) {
	r := recoding{name: v.Text(0), part: -1}
	if err := checkRecoded(r.name); err != nil {
		return r, v.Wrong(0, "%w", err)
	}
	for i := range charsets {
		if c := charsets[i].of; charsets[i].name == v.Text(1) {
			r.to = func(text string) (string, bool) { return inCharset(text, c) }
		}
	}
	return r, nil
}

// checkRecoded refuses a Host, too: names of hosts have a form of their own
// (RFC 9110 7.2).
func checkRecoded(name string) error {
	if isHost(name) {
		return fmt.Errorf("found %q, expected a header that may have any value", name)
	}
	return filter.CheckSettable(name)
}

// inCharset returns text in the charset; ok is false when it is the same there,
// or no UTF-8.
func inCharset(text string, charset *charmap.Charmap) (encoded string, ok bool) {
	size := utf8.RuneCountInString(text)
	if size == len(text) || !utf8.ValidString(text) {
		return "", false
	}
	b := make([]byte, 0, size)
	for _, r := range text {
		c, known := charset.EncodeRune(r)
		if !known || c < ' ' && c != '\t' || c == 0x7f {
			c = '?'
		}
		b = append(b, c)
	}
	return unsafe.String(unsafe.SliceData(b), len(b)), true
}
