package message

import (
	"strings"
	"testing"
)

func TestKeepReserved(t *testing.T) {
	for _, tt := range []struct{ raw, path, set, wire string }{
		{"/a/b", "/a/b", "/a/c", "/a/c"},
		{"/a%2Fb", "/a%2Fb", "/x/a%2Fb", "/x/a%2Fb"},
		{"/a%2fb%3f", "/a%2Fb%3F", "/b%3F", "/b%3F"},
		{"/a%20b%2F%C3%BC", "/a b%2F\u00fc", "/c %2F\u00fc", "/c%20%2F%C3%BC"},
		{"/100%25", "/100%25", "/100%25/x", "/100%25/x"},
		{"/a%252Fb", "/a%252Fb", "/a%252Fb/", "/a%252Fb/"},
		{"/a%25%32Fb", "/a%252Fb", "/b%252Fa", "/b%252Fa"},
		{"/a", "/a", "/50% off%41%2", "/50%25%20off%2541%252"},
	} {
		r := Request{RawPath: tt.raw}
		r.Path, _ = UnescapePath(tt.raw)
		r.KeepReserved()
		if r.Path != tt.path || r.RawPath != tt.raw {
			t.Errorf("%q: path %q, raw %q", tt.raw, r.Path, r.RawPath)
		}
		if r.SetPath(r.Path); r.RawPath != tt.raw {
			t.Errorf("%q has become %q", tt.raw, r.RawPath)
		}
		if r.SetPath(tt.set); r.Path != tt.set || r.RawPath != tt.wire {
			t.Errorf("%q: %q is sent as %q, want %q", tt.raw, r.Path, r.RawPath, tt.wire)
		}
		if c := r.Clone(); c.reserved != r.reserved {
			t.Error("the clone forgets")
		}
	}
}

// FuzzKeepReserved makes sure that no path is taken for another: what is sent
// means to a strict reader what the client sent.
func FuzzKeepReserved(f *testing.F) {
	for _, s := range []string{"/a%2Fb", "/%25%32F", "/%252F", "/%2", "/%zz", "/%C3%BC+%2B", "/a//%2F/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		whole, ok := UnescapePath(raw)
		if !ok || strings.Contains(raw, "?") { // where the query begins
			return
		}
		r := Request{RawPath: raw, Path: whole}
		r.KeepReserved()
		sent := escapeRest(r.Path)
		if again, ok := UnescapePath(sent); !ok || again != whole {
			t.Fatalf("%q means %q, but %q is sent, which means %q", raw, whole, sent, again)
		}
		s := Request{RawPath: sent, Path: whole}
		if s.KeepReserved(); s.Path != r.Path {
			t.Errorf("%q is the path %q, but sent as %q it is %q", raw, r.Path, sent, s.Path)
		}
		if most := 3*len(raw) + 1; len(sent) > most {
			t.Errorf("%d bytes have become %d", len(raw), len(sent))
		}
	})
}
