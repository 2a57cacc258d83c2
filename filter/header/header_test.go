package header_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/header"
	"fairlead.dev/fairlead/message"
)

// call is a filter and its arguments.
type call []any

// fields writes a header as lines.
func fields(h *message.Header) []string {
	lines := []string{}
	for _, f := range h.Fields() {
		lines = append(lines, f.Name+": "+f.Value)
	}
	return lines
}

// requestHave is the header that the requests of requestCases have.
var requestHave = []string{"Host: www.example.org", "X-One: 1", "Accept: a", "x-one: 2"}

var requestCases = []struct {
	name  string
	calls []call
	want  []string
	host  string // that the backend sees, if a filter chose one
}{
	{"set new", []call{{"setRequestHeader", "X-New", "v"}},
		append(requestHave[:4:4], "X-New: v"), ""},
	{"set replaces all in the place of the first", []call{{"setRequestHeader", "x-ONE", "v"}},
		[]string{"Host: www.example.org", "x-ONE: v", "Accept: a"}, ""},
	{"set empty", []call{{"setRequestHeader", "Accept", ""}},
		[]string{"Host: www.example.org", "X-One: 1", "Accept: ", "x-one: 2"}, ""},
	{"set template", []call{{"setRequestHeader", "Accept", "<${request.header.x-one}>"}},
		[]string{"Host: www.example.org", "X-One: 1", "Accept: <1>", "x-one: 2"}, ""},
	{"set with a missing value does nothing", []call{{"setRequestHeader", "Accept", "a${request.header.None}"}}, requestHave, ""},
	{"set injection does nothing", []call{{"setRequestHeader", "Accept", "${request.query.evil}"}}, requestHave, ""},
	{"set Host", []call{{"setRequestHeader", "host", "other.example.org:81"}},
		[]string{"host: other.example.org:81", "X-One: 1", "Accept: a", "x-one: 2"}, "other.example.org:81"},
	{"set Host from a query", []call{{"setRequestHeader", "Host", "${request.query.host}"}},
		[]string{"Host: q.example.org", "X-One: 1", "Accept: a", "x-one: 2"}, "q.example.org"},
	{"set bad Host does nothing", []call{{"setRequestHeader", "Host", "${request.query.path}"}}, requestHave, ""},
	{"append", []call{{"appendRequestHeader", "X-One", "3"}}, append(requestHave[:4:4], "X-One: 3"), ""},
	{"append by its old name", []call{{"requestHeader", "X-One", "3"}}, append(requestHave[:4:4], "X-One: 3"), ""},
	{"append missing", []call{{"appendRequestHeader", "X-One", "${request.cookie.none}"}}, requestHave, ""},
	{"append injection", []call{{"appendRequestHeader", "X-One", "x${request.query.evil}"}}, requestHave, ""},
	{"append Host replaces", []call{{"appendRequestHeader", "Host", "other"}},
		[]string{"Host: other", "X-One: 1", "Accept: a", "x-one: 2"}, "other"},
	{"drop", []call{{"dropRequestHeader", "X-ONE"}}, []string{"Host: www.example.org", "Accept: a"}, ""},
	{"drop none", []call{{"dropRequestHeader", "X-None"}}, requestHave, ""},
	{"drop what is not ours to drop", []call{
		{"dropRequestHeader", "Host"}, {"dropRequestHeader", "Content-Length"},
		{"dropRequestHeaderRegexp", "Host", ".*"},
	}, requestHave, ""},
	{"drop matching", []call{{"dropRequestHeaderRegexp", "X-One", "^2$"}}, requestHave[:3], ""},
	{"drop matching by its documented name", []call{{"dropRequestHeaderValueRegexp", "X-One", "."}},
		[]string{"Host: www.example.org", "Accept: a"}, ""},
	{"mod all values", []call{{"modRequestHeader", "x-one", "([12])", "<$1>"}},
		[]string{"Host: www.example.org", "X-One: <1>", "Accept: a", "x-one: <2>"}, ""},
	{"mod none", []call{{"modRequestHeader", "X-None", "^", "x"}}, requestHave, ""},
	{"mod Host", []call{{"modRequestHeader", "Host", `^www\.`, ""}},
		[]string{"Host: example.org", "X-One: 1", "Accept: a", "x-one: 2"}, "example.org"},
	{"mod Host twice", []call{{"setRequestHeader", "Host", "a.b"}, {"modRequestHeader", "Host", "$", ".c"}},
		[]string{"Host: a.b.c", "X-One: 1", "Accept: a", "x-one: 2"}, "a.b.c"},
	{"mod Host to nothing", []call{{"modRequestHeader", "Host", ".*", ""}}, requestHave, ""},
	{"copy", []call{{"copyRequestHeader", "X-One", "X-Copy"}}, append(requestHave[:4:4], "X-Copy: 1"), ""},
	{"copy by its old name", []call{{"requestCopyHeader", "X-One", "Accept"}},
		[]string{"Host: www.example.org", "X-One: 1", "Accept: 1", "x-one: 2"}, ""},
	{"copy none", []call{{"copyRequestHeader", "X-None", "Accept"}}, requestHave, ""},
	{"copy from Host", []call{{"copyRequestHeader", "Host", "X-Host"}}, append(requestHave[:4:4], "X-Host: www.example.org"), ""},
	{"copy to Host", []call{{"copyRequestHeader", "Accept", "Host"}},
		[]string{"Host: a", "X-One: 1", "Accept: a", "x-one: 2"}, "a"},
}

func TestRequestHeaders(t *testing.T) {
	for _, tt := range requestCases {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.Get(t, "/?evil=a%0d%0aX-Evil:+1&host=q.example.org&path=a/b")
			x.Request.Header.Reset()
			for _, line := range requestHave {
				name, value, _ := strings.Cut(line, ": ")
				x.Request.Header.Add(name, value)
			}
			for _, c := range tt.calls {
				x.RunRequest(filtertest.Build(t, c[0].(string), c[1:]...))
			}
			if diff := cmp.Diff(tt.want, fields(&x.Request.Header)); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if x.Upstream.Host != tt.host {
				t.Errorf("the backend sees the host %q, want %q", x.Upstream.Host, tt.host)
			}
		})
	}
}

func TestResponseHeaders(t *testing.T) {
	have := []string{"Vary", "Accept", "Server", "x", "vary", "Origin"}
	for _, tt := range []struct {
		name string
		call call
		want []string
	}{
		{"set", call{"setResponseHeader", "Server", "y"}, []string{"Vary: Accept", "Server: y", "vary: Origin"}},
		{"set from the request", call{"setResponseHeader", "X-Method", "${request.method}"},
			[]string{"Vary: Accept", "Server: x", "vary: Origin", "X-Method: GET"}},
		{"set from the response", call{"setResponseHeader", "X-Was", "${response.header.server}"},
			[]string{"Vary: Accept", "Server: x", "vary: Origin", "X-Was: x"}},
		{"set missing", call{"setResponseHeader", "X", "${response.header.none}"}, []string{"Vary: Accept", "Server: x", "vary: Origin"}},
		{"set injection", call{"setResponseHeader", "X", "${request.query.evil}"}, []string{"Vary: Accept", "Server: x", "vary: Origin"}},
		{"append", call{"appendResponseHeader", "Vary", "Cookie"}, []string{"Vary: Accept", "Server: x", "vary: Origin", "Vary: Cookie"}},
		{"append by its old name", call{"responseHeader", "A", "b"}, []string{"Vary: Accept", "Server: x", "vary: Origin", "A: b"}},
		{"append injection", call{"appendResponseHeader", "X", "${request.query.evil}"}, []string{"Vary: Accept", "Server: x", "vary: Origin"}},
		{"drop", call{"dropResponseHeader", "VARY"}, []string{"Server: x"}},
		{"drop matching", call{"dropResponseHeaderRegexp", "vary", "^A"}, []string{"Server: x", "vary: Origin"}},
		{"drop matching by its documented name", call{"dropResponseHeaderValueRegexp", "Server", "x"}, []string{"Vary: Accept", "vary: Origin"}},
		{"mod", call{"modResponseHeader", "vary", "^(.).*", "$1"}, []string{"Vary: A", "Server: x", "vary: O"}},
		{"copy", call{"copyResponseHeader", "Server", "X-Server"}, []string{"Vary: Accept", "Server: x", "vary: Origin", "X-Server: x"}},
		{"copy by its old name", call{"responseCopyHeader", "None", "Server"}, []string{"Vary: Accept", "Server: x", "vary: Origin"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.Get(t, "/?evil=a%0aX-Evil:1")
			x.Answer(200, "", have...)
			x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
			if diff := cmp.Diff(tt.want, fields(&x.Response.Header)); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCorsOrigin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []any
		origin string
		want   []string
	}{
		{"any", nil, "", []string{"Access-Control-Allow-Origin: *"}},
		{"any with origin", nil, "https://a", []string{"Access-Control-Allow-Origin: *"}},
		{"listed", []any{"https://b", "https://a"}, "https://a", []string{"Vary: Origin", "Access-Control-Allow-Origin: https://a"}},
		{"not listed", []any{"https://b"}, "https://a", []string{"Vary: Origin"}},
		{"case counts", []any{"https://b"}, "https://B", []string{"Vary: Origin"}},
		{"no origin", []any{"https://b"}, "", []string{"Vary: Origin"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t)
			if tt.origin != "" {
				x.Request.Header.Add("Origin", tt.origin)
			}
			x.Run(filtertest.Build(t, "corsOrigin", tt.args...))
			if diff := cmp.Diff(tt.want, fields(&x.Response.Header)); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		call call
		want string
	}{
		{call{"setRequestHeader", "X-A"}, "found 1 argument, expected (name, value)"},
		{call{"setRequestHeader", "X-A", "b", "c"}, "found 3 arguments"},
		{call{"setRequestHeader", "X-A", 1}, "argument 2 (value): found the number 1"},
		{call{"setRequestHeader", "X A", "b"}, `header name "X A": ' ' may not stand`},
		{call{"setRequestHeader", "", "b"}, "the header name is empty"},
		{call{"setRequestHeader", "X-A", "a\nb"}, `the control character '\n'`},
		{call{"setRequestHeader", "Content-Length", "0"}, "fairlead writes it from the body itself"},
		{call{"setRequestHeader", "Host", "a b"}, `found the host "a b"`},
		{call{"setRequestHeader", "Host", ""}, `found the host ""`},
		{call{"setRequestHeader", "X-A", "${request.nothing}"}, "unknown placeholder"},
		{call{"setResponseHeader", "Transfer-Encoding", "chunked"}, "says where a message ends"},
		{call{"setResponseHeader", "Connection", "close"}, "belongs to one connection"},
		{call{"appendRequestHeader", "Upgrade", "x"}, "belongs to one connection"},
		{call{"appendResponseHeader", "X\r", "x"}, "may not stand in a header name"},
		{call{"dropRequestHeader", "a:b"}, "may not stand in a header name"},
		{call{"dropResponseHeader"}, "found 0 arguments, expected (name)"},
		{call{"dropRequestHeaderRegexp", "X", "["}, "argument 2 (expression)"},
		{call{"dropResponseHeaderRegexp", "", "x"}, "the header name is empty"},
		{call{"modRequestHeader", "TE", "x", "y"}, "belongs to one connection"},
		{call{"modResponseHeader", "X", "x", "y\x00"}, "control character"},
		{call{"copyRequestHeader", "X", "Content-Length"}, "says where a message ends"},
		{call{"copyResponseHeader", "X Y", "Z"}, "may not stand"},
		{call{"corsOrigin", ""}, "for all origins write corsOrigin()"},
		{call{"corsOrigin", "*"}, "for all origins write corsOrigin()"},
		{call{"corsOrigin", "https://a\r\n"}, "control character"},
	} {
		err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...)
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, c := range []call{
		{"setRequestHeader", "X-One", "v"},
		{"setRequestHeader", "X-New", "v"},
		{"setRequestHeader", "Host", "other"},
		{"setRequestHeader", "X-New", "${request.header.X-One}"},
		{"setResponseHeader", "X-One", "v"},
		{"dropRequestHeader", "X-One"},
		{"dropResponseHeader", "X-One"},
		{"dropRequestHeaderRegexp", "X-One", "^1"},
		{"copyRequestHeader", "X-One", "X-Copy"},
		{"modRequestHeader", "X-One", "nothing", "x"},
		{"corsOrigin", "https://a"},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add("X-One", "1")
		x.Request.Header.Add("Origin", "https://a")
		if n := x.Allocs(filtertest.Build(t, c[0].(string), c[1:]...)); n != 0 {
			t.Errorf("%v: %v allocations, want 0", c, n)
		}
	}
}
