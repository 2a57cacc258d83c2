package compress

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
)

func TestNegotiate(t *testing.T) {
	codings := []coding{{name: "gzip"}, {name: "deflate"}, {name: "br"}, {name: "zstd"}}
	for accept, want := range map[string]string{
		"":                           "",
		"gzip":                       "gzip",
		"GZIP":                       "gzip",
		"x-gzip":                     "gzip",
		"br":                         "br",
		"gzip, deflate, br, zstd":    "gzip",
		"zstd, br, deflate":          "deflate",
		"gzip;q=0.5, br;q=1.0":       "br",
		"gzip;q=0.5,br;q=0.501":      "br",
		"gzip ; q=0.5 , br ; q=0.4":  "gzip",
		"gzip;x=y;q=0.1, br;q=0.2":   "br",
		"gzip;q=0, br;q=0.001":       "br",
		"gzip;q=0":                   "",
		"gzip;q=2, br;q=0.1":         "br",
		"gzip;q=x":                   "",
		"gzip;q=1.001":               "",
		"gzip;q=0.1234":              "",
		"gzip;q=":                    "",
		"identity, gzip":             "gzip",
		"identity, gzip;q=0.9":       "",
		"*;q=0.5":                    "",
		"*;q=0, gzip":                "gzip",
		" , ,gzip;Q=1,":              "gzip",
		"deflate|zstd;q=0.5":         "deflate",
		"gzip, gzip;q=0.1, br;q=0.5": "gzip",
	} {
		var h message.Header
		for _, field := range strings.Split(accept, "|") {
			h.Add("accept-encoding", field)
		}
		got := ""
		if i := negotiate(&h, codings); i >= 0 {
			got = codings[i].name
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", accept, got, want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("gzip;q=0.5, br;q=1.0, *;q=0")
	f.Add("identity;q=0, , ;q=1")
	codings := []coding{{name: "gzip"}, {name: "br"}}
	f.Fuzz(func(t *testing.T, accept string) {
		var h message.Header
		h.Add("Accept-Encoding", accept)
		i := negotiate(&h, codings)
		if i < -1 || i >= len(codings) {
			t.Fatalf("%q: %d", accept, i)
		}
		if i >= 0 && !strings.Contains(strings.ToLower(accept), codings[i].name) {
			t.Fatalf("%q: chose %q", accept, codings[i].name)
		}
	})
}
