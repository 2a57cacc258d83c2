package respond_test

import (
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/respond"
	"fairlead.dev/fairlead/message"
)

func TestStatus(t *testing.T) {
	x := filtertest.New(t)
	x.Backend = func(*message.Request) *message.Response {
		return &message.Response{Status: 200, Reason: "Fine", ContentLength: 3, Body: strings.NewReader("abc")}
	}
	x.Run(filtertest.Build(t, "status", 418))
	if r := x.Response; r.Status != 418 || r.Reason != "" || r.ContentLength != 3 || x.ResponseBody() != "abc" {
		t.Errorf("got %+v", r)
	}
}

// A 304 and the answer to a HEAD have a length without a body: only the latter
// may keep it.
func TestStatusOfBodilessResponse(t *testing.T) {
	for method, want := range map[string]int64{"GET": 0, "HEAD": 1000} {
		x := filtertest.New(t)
		x.Request.Method = method
		x.Backend = func(*message.Request) *message.Response {
			return &message.Response{Status: 304, ContentLength: 1000}
		}
		x.Run(filtertest.Build(t, "status", 200))
		if x.Response.ContentLength != want {
			t.Errorf("%s: length %d, want %d", method, x.Response.ContentLength, want)
		}
	}
}

func TestInlineContent(t *testing.T) {
	for _, tt := range []struct {
		args              []any
		body, contentType string
	}{
		{[]any{"hello"}, "hello", "text/plain; charset=utf-8"},
		{[]any{"<html>"}, "<html>", "text/html; charset=utf-8"},
		{[]any{"[1]", "application/json"}, "[1]", "application/json"},
		{[]any{""}, "", "text/plain; charset=utf-8"},
		{[]any{"\xff\x00"}, "\xff\x00", "application/octet-stream"},
	} {
		x := filtertest.New(t)
		later := &spy{}
		x.Run(filtertest.Build(t, "status", 404), filtertest.Build(t, "inlineContent", tt.args...), later)
		if x.Forwarded || later.seen {
			t.Errorf("%q: forwarded %v, later filter %v", tt.args, x.Forwarded, later.seen)
		}
		r := x.Response
		if r.Status != 404 || r.ContentLength != int64(len(tt.body)) || r.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("%q: got %+v", tt.args, r)
		}
		if got := x.ResponseBody(); got != tt.body {
			t.Errorf("body %q, want %q", got, tt.body)
		}
	}
}

type spy struct{ seen bool }

func (s *spy) Request(*filter.Context)  { s.seen = true }
func (s *spy) Response(*filter.Context) { s.seen = true }

type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error {
	c.closed++
	return nil
}

func TestInlineContentIfStatus(t *testing.T) {
	body := &closing{Reader: strings.NewReader("from the backend")}
	backend := func(*message.Request) *message.Response {
		r := &message.Response{Status: 404}
		r.SetBody(body, 16)
		r.Header.Add("Content-Type", "application/x")
		r.Header.Add("Content-Encoding", "gzip")
		r.Header.Add("ETag", `"1"`)
		r.Header.Add("X-Kept", "yes")
		r.Trailer.Add("X-Trailer", "1")
		return r
	}
	x := filtertest.New(t)
	x.Backend = backend
	x.Run(filtertest.Build(t, "inlineContentIfStatus", 404, "<p>Sorry</p>"))
	r := x.Response
	want := map[string]string{"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "", "ETag": "", "X-Kept": "yes"}
	for name, v := range want {
		if got := r.Header.Get(name); got != v {
			t.Errorf("%s is %q, want %q", name, got, v)
		}
	}
	if body.closed != 1 {
		t.Errorf("the backend's body was closed %d times", body.closed)
	}
	if r.Status != 404 || r.ContentLength != 12 || r.Trailer.Len() != 0 || x.ResponseBody() != "<p>Sorry</p>" {
		t.Errorf("got %+v", r)
	}

	y := filtertest.New(t)
	y.Backend = backend
	body.closed = 0
	y.Run(filtertest.Build(t, "inlineContentIfStatus", 403, "x", "text/x"))
	if y.Response.Body != io.Reader(body) || body.closed != 0 || y.Response.Header.Get("ETag") == "" {
		t.Errorf("another status: got %+v", y.Response)
	}
}

func TestRedirect(t *testing.T) {
	for _, tt := range []struct {
		target string
		call   []any
		want   string
	}{
		{"/a/b?q=1", []any{"redirectTo", 301}, "https://www.example.org/a/b?q=1"},
		{"/a/b?q=1", []any{"redirectTo", 301, ""}, "https://www.example.org/a/b?q=1"},
		{"/a/b?q=1", []any{"redirectTo", 301, "https:"}, "https://www.example.org/a/b?q=1"},
		{"/a/b?q=1", []any{"redirectTo", 301, "http:"}, "http://www.example.org/a/b?q=1"},
		{"/a/b?q=1", []any{"redirectTo", 301, "/c"}, "https://www.example.org/c?q=1"},
		{"/a/b?q=1", []any{"redirectTo", 301, "/"}, "https://www.example.org/?q=1"},
		{"/a/b?q=1", []any{"redirectTo", 301, "c"}, "https://www.example.org/c?q=1"},
		{"/a/b?q=1", []any{"redirectTo", 301, "?x=y"}, "https://www.example.org/a/b?x=y"},
		{"/a/b?q=1", []any{"redirectTo", 301, "//other.example.org:81"}, "https://other.example.org:81/a/b?q=1"},
		{"/a/b", []any{"redirectTo", 301, "http://other.example.org"}, "http://other.example.org/a/b"},
		{"/a/b?q=1", []any{"redirectTo", 301, "http://other.example.org/x?y=z#f"}, "http://other.example.org/x?y=z#f"},
		{"/a", []any{"redirectTo", 301, "/x#top"}, "https://www.example.org/x#top"},
		{"/a", []any{"redirectTo", 301, "https://user:pw@other.example.org/x?y"}, "https://user:pw@other.example.org/x?y"},
		{"/a", []any{"redirectTo", 301, "mailto:a@example.org"}, "mailto:a@example.org"},
		{"/a", []any{"redirectTo", 301, "/ü b?c=d e"}, "https://www.example.org/%C3%BC%20b?c=d%20e"},
		{"/a%2Fb%20c?x=%20", []any{"redirectTo", 301}, "https://www.example.org/a%2Fb%20c?x=%20"},
		{"/a\"<\\>?b=\"", []any{"redirectTo", 301}, "https://www.example.org/a%22%3C%5C%3E?b=%22"},
		{"//evil.example/x", []any{"redirectTo", 301}, "https://www.example.org//evil.example/x"},
		{"/A/B?Q=1", []any{"redirectToLower", 301}, "https://www.example.org/a/b?Q=1"},
		{"/%C3%9C", []any{"redirectToLower", 301}, "https://www.example.org/%C3%BC"},
		{"/a", []any{"redirectToLower", 301, "/X/Y?Z=1"}, "https://www.example.org/x/y?Z=1"},
		{"/a", []any{"redirect", 301, "/x"}, "https://www.example.org/x"},
	} {
		x := filtertest.Get(t, tt.target)
		x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
		if got := filtertest.Fields(&x.Response.Header, "Location"); !cmp.Equal(got, []string{tt.want}) {
			t.Errorf("%s %v: Location %q, want %q", tt.target, tt.call, got, tt.want)
		}
		if x.Response.Status != 301 || x.Forwarded || x.Response.Body != nil || x.Response.Header.Len() != 1 {
			t.Errorf("%s %v: got %+v", tt.target, tt.call, x.Response)
		}
	}
}

func TestRedirectUsesTheHostThatFiltersSet(t *testing.T) {
	x := filtertest.Get(t, "/a")
	x.Request.Header.Set("Host", "set.example.org")
	x.Run(filtertest.Build(t, "redirectTo", 302))
	if got, want := x.Response.Header.Get("Location"), "https://set.example.org/a"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Without a Host nothing may be taken for one.
func TestRedirectWithoutHost(t *testing.T) {
	x := filtertest.Get(t, "//evil.example/x?y")
	x.Request.Header.Reset()
	x.Request.Host = ""
	x.Run(filtertest.Build(t, "redirectTo", 302))
	if got, want := x.Response.Header.Get("Location"), "/evil.example/x?y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"from 200 to 999", []any{"status", 101}},
		{"from 200 to 999", []any{"status", 1000}},
		{"expected a whole number", []any{"status", 200.5}},
		{`found the string "200"`, []any{"status", "200"}},
		{"found 0 arguments", []any{"inlineContent"}},
		{"control character", []any{"inlineContent", "x", "text/plain\r\nX: y"}},
		{"control character", []any{"inlineContentIfStatus", 200, "x", "text/plain\n"}},
		{"expected (status, text[, content type])", []any{"inlineContentIfStatus", 200}},
		{"from 300 to 399", []any{"redirectTo", 200}},
		{"expected (status[, location])", []any{"redirectTo"}},
		{"control character", []any{"redirectTo", 301, "/a\r\nX: y"}},
		{`location "http://a b/"`, []any{"redirectTo", 301, "http://a b/"}},
		{`location "%zz"`, []any{"redirectToLower", 301, "%zz"}},
		{"found the host", []any{"redirectTo", 301, "http://ex\"ample/"}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

// FuzzRedirect: whatever the request, the Location is a URL on the request's
// host, with nothing in it that ends a line.
func FuzzRedirect(f *testing.F) {
	f.Add("/a?b")
	f.Add("//x.example\\@y/..")
	f.Add("/\xff%00\" <>")
	f.Fuzz(func(t *testing.T, target string) {
		raw, query, _ := strings.Cut(target, "?")
		decoded, ok := message.UnescapePath(raw)
		if !ok || !strings.HasPrefix(raw, "/") {
			return
		}
		for _, call := range [][]any{{"redirectTo", 301}, {"redirectToLower", 301}, {"redirectTo", 301, "?x"}} {
			x := filtertest.New(t)
			x.Request.Path, x.Request.RawPath, x.Request.Query = decoded, raw, query
			x.Run(filtertest.Build(t, call[0].(string), call[1:]...))
			location := x.Response.Header.Get("Location")
			u, err := url.Parse(location)
			if err != nil || u.Host != "www.example.org" || u.Scheme != "https" {
				t.Fatalf("%q: %v gives %q: %v", target, call, location, err)
			}
			if strings.ContainsAny(location, " \r\n\t\"<>\\") || strings.ContainsFunc(location, func(r rune) bool { return r > 126 || r < 33 }) {
				t.Fatalf("%q: %v gives %q", target, call, location)
			}
		}
	})
}
