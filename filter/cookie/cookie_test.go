package cookie_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	_ "fairlead.dev/fairlead/filter/cookie"
	"fairlead.dev/fairlead/filter/filtertest"
)

func TestResponseCookie(t *testing.T) {
	for _, tt := range []struct {
		name, host, sent string
		call             []any
		want             string
	}{
		{"session", "www.example.org", "", []any{"responseCookie", "a", "b"}, "a=b; Path=/; Domain=example.org; HttpOnly; Secure"},
		{"for scripts", "www.example.org", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Domain=example.org; Secure"},
		{"age", "www.example.org", "", []any{"responseCookie", "a", "b", 42}, "a=b; Path=/; Domain=example.org; Max-Age=42; HttpOnly; Secure"},
		{"deleted", "www.example.org", "", []any{"responseCookie", "a", "b", 0}, "a=b; Path=/; Domain=example.org; Max-Age=0; HttpOnly; Secure"},
		{"negative age", "www.example.org", "", []any{"responseCookie", "a", "b", -5}, "a=b; Path=/; Domain=example.org; Max-Age=0; HttpOnly; Secure"},
		{"quoted", "www.example.org", "", []any{"jsCookie", "a", "b c,d"}, `a="b c,d"; Path=/; Domain=example.org; Secure`},
		{"empty", "www.example.org", "", []any{"jsCookie", "a", ""}, "a=; Path=/; Domain=example.org; Secure"},
		{"port", "a.b.example.org:8080", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Domain=b.example.org; Secure"},
		{"one dot", "example.org", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Domain=example.org; Secure"},
		{"no dot", "localhost:9090", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Secure"},
		{"no host", "", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Secure"},
		{"IPv4", "192.0.2.1:80", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Secure"},
		{"IPv6", "[2001:db8::1]:80", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Secure"},
		{"odd host", "x.y;z.example.org", "", []any{"jsCookie", "a", "b"}, "a=b; Path=/; Secure"},
		{"changed", "example.org", "a=c", []any{"jsCookie", "a", "b", 1, "change-only"}, "a=b; Path=/; Domain=example.org; Max-Age=1; Secure"},
		{"other", "example.org", "c=b", []any{"jsCookie", "a", "b", 1, "change-only"}, "a=b; Path=/; Domain=example.org; Max-Age=1; Secure"},
		{"unchanged", "example.org", "x=y; a=b", []any{"jsCookie", "a", "b", 1, "change-only"}, ""},
		{"always", "example.org", "a=b", []any{"jsCookie", "a", "b", 1}, "a=b; Path=/; Domain=example.org; Max-Age=1; Secure"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t)
			x.Request.Host = tt.host
			if tt.sent != "" {
				x.Request.Header.Add("Cookie", tt.sent)
			}
			x.Restart()
			x.Request.Host = "changed.by.a.filter"
			x.Answer(200, "", "Set-Cookie", "other=1")
			x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
			want := []string{"other=1"}
			if tt.want != "" {
				want = append(want, tt.want)
				if c, err := http.ParseSetCookie(tt.want); err != nil || c.Name != tt.call[1] || c.Value != tt.call[2] {
					t.Errorf("net/http reads %v, %v", c, err)
				}
			}
			if diff := cmp.Diff(want, filtertest.Fields(&x.Response.Header, "Set-Cookie")); diff != "" {
				t.Errorf("cookies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestCookies(t *testing.T) {
	for _, tt := range []struct {
		name string
		have []string
		call []any
		want []string
	}{
		{"first", nil, []any{"requestCookie", "a", "b"}, []string{"a=b"}},
		{"one more", []string{"x=y"}, []any{"requestCookie", "a", "b"}, []string{"x=y; a=b"}},
		{"same name", []string{"a=y"}, []any{"requestCookie", "a", "b"}, []string{"a=y; a=b"}},
		{"several fields", []string{"x=y", "z=1"}, []any{"requestCookie", "a", "b"}, []string{"x=y; a=b", "z=1"}},
		{"empty field", []string{""}, []any{"requestCookie", "a", "b"}, []string{"a=b"}},
		{"drop none", []string{"x=y;  z=1;"}, []any{"dropRequestCookie", "a"}, []string{"x=y;  z=1;"}},
		{"drop only", []string{"a=1"}, []any{"dropRequestCookie", "a"}, nil},
		{"drop first", []string{"a=1; b=2"}, []any{"dropRequestCookie", "a"}, []string{"b=2"}},
		{"drop all of the name", []string{"a=1; b=2;a=3", "a=4", "c=5; a"}, []any{"dropRequestCookie", "a"}, []string{"b=2", "c=5"}},
		{"case counts", []string{"A=1"}, []any{"dropRequestCookie", "a"}, []string{"A=1"}},
		{"part of a name", []string{"aa=1; b=a=2"}, []any{"dropRequestCookie", "a"}, []string{"aa=1; b=a=2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t)
			for _, v := range tt.have {
				x.Request.Header.Add("cookie", v)
			}
			x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
			if diff := cmp.Diff(tt.want, filtertest.Fields(&x.Request.Header, "Cookie")); diff != "" {
				t.Errorf("cookies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDropResponseCookie(t *testing.T) {
	x := filtertest.New(t)
	x.Answer(200, "", "Set-Cookie", "a=1; Path=/", "X", "a=1", "set-cookie", " a = 2", "Set-Cookie", "b=a; Domain=a")
	x.Run(filtertest.Build(t, "dropResponseCookie", "a"))
	want := []string{"b=a; Domain=a"}
	if diff := cmp.Diff(want, filtertest.Fields(&x.Response.Header, "Set-Cookie")); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
	if x.Response.Header.Get("X") == "" {
		t.Error("another field was dropped")
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{`found the cookie name ""`, []any{"responseCookie", "", "b"}},
		{`found the cookie name "a b"`, []any{"jsCookie", "a b", "b"}},
		{"';' may not stand in a cookie", []any{"responseCookie", "a", "b; Domain=evil.example"}},
		{"'\\n' may not stand in a cookie", []any{"requestCookie", "a", "b\nX: y"}},
		{"expected (name, value)", []any{"requestCookie", "a", "b", 1}},
		{`argument 3 (max age in seconds): found the string "x"`, []any{"responseCookie", "a", "b", "x"}},
		{`argument 4 (when)`, []any{"responseCookie", "a", "b", 1, "always"}},
		{`found the cookie name "a;"`, []any{"dropRequestCookie", "a;"}},
		{`found the cookie name "a="`, []any{"dropResponseCookie", "a="}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, tt := range []struct {
		call []any
		want float64
	}{
		{[]any{"dropRequestCookie", "none"}, 0},
		{[]any{"dropRequestCookie", "x"}, 1},
		{[]any{"dropResponseCookie", "a"}, 0},
		{[]any{"requestCookie", "a", "b"}, 1},
		{[]any{"responseCookie", "a", "b", 60}, 1},
		{[]any{"responseCookie", "x", "y", 60, "change-only"}, 0},
		{[]any{"jsCookie", "a", "b"}, 1},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add("Cookie", "x=y; z=1; zz=2")
		if n := x.Allocs(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...)); n != tt.want {
			t.Errorf("%v: %v allocations, want %v", tt.call, n, tt.want)
		}
	}
}
