package message

import (
	"slices"
	"testing"
)

func header(pairs ...string) *Header {
	h := &Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		name   string
		header *Header
		want   []string
	}{
		{"none", header("Accept", "a=1"), nil},
		{"one", header("Cookie", "a=1"), []string{"1"}},
		{"second", header("Cookie", "b=2; a=1"), []string{"1"}},
		{"twice", header("Cookie", "a=1; a=2"), []string{"1", "2"}},
		{"two fields", header("Cookie", "b=0", "cookie", "a=1", "COOKIE", "a=2"), []string{"1", "2"}},
		{"no blank", header("Cookie", "b=2;a=1"), []string{"1"}},
		{"blanks", header("Cookie", " \tb=2 ;  a = 1 \t"), []string{"1"}},
		{"quoted", header("Cookie", `a="x y"`), []string{"x y"}},
		{"lone quote", header("Cookie", `a="`), []string{`"`}},
		{"no value", header("Cookie", "a="), []string{""}},
		{"no equals sign", header("Cookie", "a; b=1"), []string{""}},
		{"equals sign in value", header("Cookie", "a=b=c"), []string{"b=c"}},
		{"case matters", header("Cookie", "A=1"), nil},
		{"prefix", header("Cookie", "aa=1; xa=2"), nil},
		{"nameless", header("Cookie", "=a; ;;"), nil},
		{"set-cookie is another field", header("Set-Cookie", "a=1"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := slices.Collect(Cookies(c.header, "a")); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			v, ok := Cookie(c.header, "a")
			if ok != (len(c.want) > 0) || ok && v != c.want[0] {
				t.Errorf("first is %q, %v, want that of %q", v, ok, c.want)
			}
		})
	}
}

func TestCookieAllocatesNothing(t *testing.T) {
	h := header("Accept", "x", "Cookie", `b=2; a="1"`)
	if n := testing.AllocsPerRun(100, func() {
		if v, ok := Cookie(h, "a"); !ok || v != "1" {
			t.Fatal(v, ok)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
