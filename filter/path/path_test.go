package path_test

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/path"
	"fairlead.dev/fairlead/message"
)

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		target string
		call   []any
		want   string // target that the backend gets
		path   string
	}{
		{"/a?q=1", []any{"setPath", "/b"}, "/b?q=1", "/b"},
		{"/a", []any{"setPath", "b"}, "/b", "/b"},
		{"/a", []any{"setPath", ""}, "/", "/"},
		{"/a", []any{"setPath", "/b c/ü?#%"}, "/b%20c/%C3%BC%3F%23%25", "/b c/ü?#%"},
		{"/a", []any{"setPath", "/v2/${id}/x"}, "/v2/4%2042/x", "/v2/4 42/x"},
		{"/a", []any{"setPath", "/v2/${none}/x"}, "/v2//x", "/v2//x"},
		{"/a", []any{"setPath", "${none}"}, "/", "/"},
		{"/a", []any{"setPath", "${request.path}"}, "/a", "/a"},
		{"/a", []any{"setPath", "${request.path}${request.path}"}, "/a/a", "/a/a"},
		{"/a?p=x%0d%0ay%00", []any{"setPath", "${request.query.p}"}, "/x%0D%0Ay%00?p=x%0d%0ay%00", "/x\r\ny\x00"},
		{"/a%2Fb", []any{"setPath", "/a/b"}, "/a%2Fb", "/a/b"},
		{"/api/x/v2", []any{"modPath", "^/api/(.*)/v2$", "/$1"}, "/x", "/x"},
		{"/a%2Fb", []any{"modPath", "^/x", "/y"}, "/a%2Fb", "/a/b"},
		{"/a%2Fb", []any{"modPath", "^/a", "/c"}, "/c/b", "/c/b"},
		{"/a%20b", []any{"modPath", " ", "_"}, "/a_b", "/a_b"},
		{"/a", []any{"modPath", "^/a", ""}, "/", "/"},
		{"/api/x", []any{"modPath", "^/api/", ""}, "/x", "/x"},
		{"/a/a/a", []any{"modPath", "a", "b"}, "/b/b/b", "/b/b/b"},
		{"/a", []any{"modPath", "/a", "/a"}, "/a", "/a"},
		{"/a", []any{"modPath", "$", "\r\n"}, "/a%0D%0A", "/a\r\n"},
		{"/a%2fb%20c?q", []any{"rfcPath"}, "/a%2fb%20c?q", "/a%2Fb c"},
		{"/a b", []any{"rfcPath"}, "/a b", "/a b"},
	} {
		x := filtertest.Get(t, tt.target)
		x.Params = append(x.Params, message.Param{Name: "id", Value: "4 42"})
		x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
		if x.Target() != tt.want || x.Request.Path != tt.path {
			t.Errorf("%s %v: target %q, path %q; want %q, %q", tt.target, tt.call, x.Target(), x.Request.Path, tt.want, tt.path)
		}
	}
}

// TestRFCPath changes a path with an encoded slash.
func TestRFCPath(t *testing.T) {
	for _, tt := range []struct{ target, want string }{
		{"/api/a%2Fb", "/v2/a%2Fb"}, {"/api/100%25%2Fx", "/v2/100%25%2Fx"}, {"/api/a%252Fb", "/v2/a%252Fb"}, {"/api/a%20b", "/v2/a%20b"},
	} {
		x := filtertest.Get(t, tt.target)
		x.Run(filtertest.Build(t, "rfcPath"), filtertest.Build(t, "modPath", "^/api/", "/v2/"))
		if x.Target() != tt.want {
			t.Errorf("%s: %s is sent, want %s", tt.target, x.Target(), tt.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for want, call := range map[string][]any{
		"found 0 arguments, expected (path)":                   {"setPath"},
		"found the number 1":                                   {"setPath", 1},
		`did you mean "${request.path}"?`:                      {"setPath", "/${request.pth}"},
		"found 1 argument, expected (expression, replacement)": {"modPath", "x"},
		"argument 1 (expression)":                              {"modPath", "(", "x"},
	} {
		if err := filtertest.BuildError(t, call[0].(string), call[1:]...); !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q in it", call, err, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, call := range [][]any{{"setPath", "/x/y"}, {"modPath", "^/nothing", "/x"}, {"rfcPath"}} {
		if n := filtertest.Get(t, "/a").Allocs(filtertest.Build(t, call[0].(string), call[1:]...)); n != 0 {
			t.Errorf("%v: %v allocations, want 0", call, n)
		}
	}
}
