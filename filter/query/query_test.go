package query_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/query"
	"fairlead.dev/fairlead/message"
)

func TestQuery(t *testing.T) {
	for _, tt := range []struct {
		query string
		call  []any
		want  string
	}{
		{"", []any{"setQuery", "k", "v"}, "k=v"},
		{"b=1&a=2", []any{"setQuery", "k", "v"}, "a=2&b=1&k=v"},
		{"k=1&k=2&%6b=3", []any{"setQuery", "k", "v"}, "k=v"},
		{"a=1", []any{"setQuery", "k k", "ü &=#\r\n"}, "a=1&k+k=%C3%BC+%26%3D%23%0D%0A"},
		{"a=1", []any{"setQuery", "k", "${id}"}, "a=1&k=42"},
		{"a=1", []any{"setQuery", "${none}", "${none}"}, "=&a=1"},
		{"k=1;x=2&k=%zz&a=1", []any{"setQuery", "k", "v"}, "a=1&k=v"},
		{"a=1", []any{"setQuery", "x=1&y=2"}, "x=1&y=2"},
		{"a=1", []any{"setQuery", ""}, ""},
		{"a=1", []any{"setQuery", "${request.rawQuery}&id=${id}"}, "a=1&id=42"},
		{"a=x%0d%0ay", []any{"setQuery", "b=${request.query.a} #"}, "b=x%0D%0Ay%20%23"},
		{"", []any{"dropQuery", "k"}, ""},
		{"k=1&a=1&k=2", []any{"dropQuery", "k"}, "a=1"},
		{"b=2&a=1", []any{"dropQuery", "k"}, "a=1&b=2"},
		{"42=1&a=1", []any{"dropQuery", "${id}"}, "a=1"},
		{"k=1;x&a=1", []any{"dropQuery", "k"}, "a=1"},
		{"a=1&b=2", []any{"stripQuery"}, ""},
		{"a=1&b=2", []any{"stripQuery", "false"}, ""},
		{"a=1", []any{"headerToQuery", "X-A", "a"}, "a=from+header"},
		{"b=1", []any{"headerToQuery", "X-None", "a"}, "a=&b=1"},
		{"a=forged", []any{"headerToQuery", "X-None", "a"}, "a="},
	} {
		x := filtertest.Get(t, "/?"+tt.query)
		x.Request.Header.Add("X-A", "from header")
		x.Params = append(x.Params, message.Param{Name: "id", Value: "42"})
		x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
		if x.Request.Query != tt.want {
			t.Errorf("%q %q: got %q, want %q", tt.query, tt.call, x.Request.Query, tt.want)
		}
	}
}

func TestStripQueryKeepsHeaders(t *testing.T) {
	x := filtertest.Get(t, "/?foo=bar&a+b=x%20y&%C3%BC=1&foo=2&evil=a%0d%0ab&bad=%zz&x;y=1&&empty")
	x.Request.Header.Reset()
	x.Run(filtertest.Build(t, "stripQuery", "true"))
	var got []string
	for _, f := range x.Request.Header.Fields() {
		got = append(got, f.Name+": "+f.Value)
	}
	want := []string{
		"X-Query-Param-foo: bar", "X-Query-Param-ab: x y", "X-Query-Param-u00fc: 1",
		"X-Query-Param-foo: 2", "X-Query-Param-empty: ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if x.Target() != "/" {
		t.Errorf("target %q", x.Target())
	}
}

func TestStripQueryIsBounded(t *testing.T) {
	x := filtertest.Get(t, "/?"+strings.Repeat("a&", 10_000))
	x.Run(filtertest.Build(t, "stripQuery", "true"))
	if n := x.Request.Header.Len(); n < 200 || n > 300 {
		t.Errorf("%d headers", n)
	}
}

func TestQueryToHeader(t *testing.T) {
	for _, tt := range []struct {
		query, have string
		args        []any
		want        []string
	}{
		{"q=a+b", "", []any{"q", "X-H"}, []string{"a b"}},
		{"q=t", "", []any{"q", "X-H", "Bearer %s"}, []string{"Bearer t"}},
		{"q=t", "", []any{"q", "X-H", "100%% %v!"}, []string{"100% t!"}},
		{"q=t", "old", []any{"q", "X-H"}, []string{"old"}},
		{"q=", "", []any{"q", "X-H", "Bearer %s"}, nil},
		{"", "", []any{"q", "X-H"}, nil},
		{"q=a%0d%0aX-Evil:1", "", []any{"q", "X-H"}, nil},
	} {
		x := filtertest.Get(t, "/?"+tt.query)
		if tt.have != "" {
			x.Request.Header.Add("x-h", tt.have)
		}
		x.Run(filtertest.Build(t, "queryToHeader", tt.args...))
		if diff := cmp.Diff(tt.want, filtertest.Fields(&x.Request.Header, "X-H")); diff != "" {
			t.Errorf("%q %q (-want +got):\n%s", tt.query, tt.args, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"expected (key[, value])", []any{"setQuery"}},
		{"unknown placeholder", []any{"setQuery", "a", "${request.b}"}},
		{"unknown placeholder", []any{"setQuery", "${request.b}", "a"}},
		{"unknown placeholder", []any{"dropQuery", "${request.b}"}},
		{"found 2 arguments, expected (key)", []any{"dropQuery", "a", "b"}},
		{`expected "true" or "false"`, []any{"stripQuery", "maybe"}},
		{"only %s and %% are known", []any{"queryToHeader", "q", "X", "%d"}},
		{"only %s and %% are known", []any{"queryToHeader", "q", "X", "%s %"}},
		{"expected one %s, found 0", []any{"queryToHeader", "q", "X", "none"}},
		{"expected one %s, found 2", []any{"queryToHeader", "q", "X", "%s %s"}},
		{"control character", []any{"queryToHeader", "q", "X", "a\n%s"}},
		{"says where a message ends", []any{"queryToHeader", "q", "Content-Length"}},
		{"may not stand in a header name", []any{"headerToQuery", "X Y", "q"}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, tt := range []struct {
		target string
		call   []any
		want   float64
	}{
		{"/a?b=1", []any{"stripQuery"}, 0},
		{"/a?b=1", []any{"queryToHeader", "b", "X-B"}, 0},
		{"/a?b=1%20", []any{"queryToHeader", "b", "X-B"}, 1},
		{"/a", []any{"dropQuery", "x"}, 0},
		{"/a?x=1", []any{"dropQuery", "x"}, 0},
		{"/a?b=1&x=1&a=%20", []any{"dropQuery", "x"}, 1},
		{"/a?b=1&x=1&a=%20", []any{"setQuery", "x", "2 3"}, 1},
		{"/a?b=1&x=1&a=%20", []any{"setQuery", "x", "${request.query.b}"}, 1},
		{"/a?b=1", []any{"setQuery", "c=2"}, 0},
		{"/a?b=1", []any{"headerToQuery", "Host", "h"}, 1},
	} {
		if n := filtertest.Get(t, tt.target).Allocs(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...)); n != tt.want {
			t.Errorf("%v: %v allocations, want %v", tt.call, n, tt.want)
		}
	}
}
