package message

import (
	"strings"
	"testing"
)

func TestAmbiguous(t *testing.T) {
	for _, p := range []string{
		"/a/..;/b", "/..;x", "/.;/b", "/a/.;x=y/b", `/a/..\b`, `/a\..\b`, `\..`, "/%2e%2e/b", "/a/%2e%2e", "/a/%2E./b", "/a%2f..%2fb",
		"/a%5c..%5cb", "/%252e%252e/b", "/%25252e%25252e/b", "/a/\xc0\xae\xc0\xae/b", "/a\xc0\xaf..\xc0\xafb", "/a/%c0%ae./b",
		"/a/..%3bx/b", "/a/%2e;x/b",
	} {
		if !Ambiguous(p) {
			t.Errorf("%q has two meanings", p)
		}
	}
	for _, p := range []string{
		"/", "/a.b", "/a..b", "/..a", "/a../b", "/.well-known/x", "/a;b=c/d", "/a;..", "/a%20b", "/50%", "/a%", "/%41", `/a\b`, "/...", "/a.;b",
		"/a%2fb", "/a%252fb", "/\xc0\x80", "/caf\xc3\xa9/x.y;v=1", "/a/b..;c", "*",
	} {
		if Ambiguous(p) {
			t.Errorf("%q has one meaning", p)
		}
	}
}

func FuzzAmbiguous(f *testing.F) {
	f.Add("/a/..;/b")
	f.Add("/%252e%252e/")
	f.Fuzz(func(t *testing.T, p string) {
		p = CleanPath(p)
		if Ambiguous(p) {
			return
		}
		// What one more decoding makes of it needs no cleaning of dots.
		again, ok := UnescapePath(p)
		for _, seg := range strings.FieldsFunc(again, func(r rune) bool { return r == '/' || r == '\\' }) {
			if seg, _, _ = strings.Cut(seg, ";"); ok && (seg == "." || seg == "..") {
				t.Errorf("%q has a segment %q", p, seg)
			}
		}
	})
}
