package forward_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/forward"
)

func TestUpstream(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields []string
		calls  [][]any
		want   filter.Upstream
	}{
		{"preserve", nil, [][]any{{"preserveHost", "true"}}, filter.Upstream{PreserveHost: filter.On}},
		{"do not preserve", nil, [][]any{{"preserveHost", "true"}, {"preserveHost", "false"}}, filter.Upstream{PreserveHost: filter.Off}},
		{"timeout", nil, [][]any{{"backendTimeout", "1.5s"}}, filter.Upstream{Timeout: 1500 * time.Millisecond}},
		{"timeout in ms", nil, [][]any{{"backendTimeout", 250}}, filter.Upstream{Timeout: 250 * time.Millisecond}},
		{"key", []string{"X-A", "1"}, [][]any{{"consistentHashKey", "${request.header.X-A}-${request.method}"}}, filter.Upstream{HashKey: "1-GET"}},
		{"key missing", nil, [][]any{{"consistentHashKey", "${request.header.X-A}-${request.method}"}}, filter.Upstream{}},
		{"key fixed", nil, [][]any{{"consistentHashKey", "same"}}, filter.Upstream{HashKey: "same"}},
		{"PROXY header", nil, [][]any{{"proxyProtocol", "v1"}, {"proxyProtocol", "v2"}}, filter.Upstream{ProxyProtocol: 2}},
		{"balance", nil, [][]any{{"consistentHashBalanceFactor", 1.25}}, filter.Upstream{HashBalance: 1.25}},
		{"host", nil, [][]any{{"setDynamicBackendHost", "a.example:81"}}, filter.Upstream{Host: "a.example:81", Address: "a.example:81", Configured: true}},
		{"scheme", nil, [][]any{{"setDynamicBackendScheme", "HTTPS"}}, filter.Upstream{Scheme: "https"}},
		{"url", nil, [][]any{{"setDynamicBackendUrl", "http://user@a.example/x?y"}}, filter.Upstream{Host: "a.example", Address: "a.example", Scheme: "http", Configured: true}},
		{"the last wins", nil, [][]any{{"setDynamicBackendUrl", "http://a.example"}, {"setDynamicBackendScheme", "https"}},
			filter.Upstream{Host: "a.example", Address: "a.example", Scheme: "https", Configured: true}},
		{"host from header", []string{"X-A", "a.example"}, [][]any{{"setDynamicBackendHostFromHeader", "x-a"}}, filter.Upstream{Host: "a.example", Address: "a.example"}},
		{"host from no header", nil, [][]any{{"setDynamicBackendHostFromHeader", "x-a"}}, filter.Upstream{}},
		{"bad host from header", []string{"X-A", "a b/c"}, [][]any{{"setDynamicBackendHostFromHeader", "x-a"}}, filter.Upstream{}},
		{"scheme from header", []string{"X-A", "h2c"}, [][]any{{"setDynamicBackendSchemeFromHeader", "x-a"}}, filter.Upstream{Scheme: "h2c"}},
		{"bad scheme from header", []string{"X-A", "file"}, [][]any{{"setDynamicBackendSchemeFromHeader", "x-a"}}, filter.Upstream{}},
		{"url from header", []string{"X-A", "https://[::1]:8443"}, [][]any{{"setDynamicBackendUrlFromHeader", "x-a"}}, filter.Upstream{Host: "[::1]:8443", Address: "[::1]:8443", Scheme: "https"}},
		{"bad url from header", []string{"X-A", "https://"}, [][]any{{"setDynamicBackendUrlFromHeader", "x-a"}}, filter.Upstream{}},
		{"no url from header", []string{"X-A", "a.example"}, [][]any{{"setDynamicBackendUrlFromHeader", "x-a"}}, filter.Upstream{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t)
			for i := 0; i+1 < len(tt.fields); i += 2 {
				x.Request.Header.Add(tt.fields[i], tt.fields[i+1])
			}
			for _, c := range tt.calls {
				x.RunRequest(filtertest.Build(t, c[0].(string), c[1:]...))
			}
			if diff := cmp.Diff(tt.want, x.Upstream); diff != "" {
				t.Errorf("upstream (-want +got):\n%s", diff)
			}
		})
	}
}

func TestXForward(t *testing.T) {
	for _, tt := range []struct {
		filter, remote, host string
		have                 []string
		want                 []string
		forwardedHost        []string
	}{
		{"xforward", "192.0.2.1:1", "a.example:81", nil, []string{"192.0.2.1"}, []string{"a.example:81"}},
		{"xforward", "192.0.2.1:1", "a", []string{"10.0.0.1, 10.0.0.2", "", "10.0.0.3"}, []string{"10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.1"}, []string{"a"}},
		{"xforwardFirst", "192.0.2.1:1", "a", []string{"10.0.0.1, 10.0.0.2", "10.0.0.3"}, []string{"192.0.2.1, 10.0.0.1, 10.0.0.2, 10.0.0.3"}, []string{"a"}},
		{"xforwardFirst", "[2001:db8::1]:1", "a", nil, []string{"2001:db8::1"}, []string{"a"}},
		{"xforward", "[::ffff:192.0.2.1]:1", "", nil, []string{"192.0.2.1"}, nil},
		{"xforward", "", "a", []string{"10.0.0.1"}, []string{"10.0.0.1"}, []string{"a"}},
	} {
		x := filtertest.New(t)
		x.Request.Host = tt.host
		x.Request.Remote = netip.AddrPort{}
		if tt.remote != "" {
			x.Request.Remote = netip.MustParseAddrPort(tt.remote)
		}
		x.Request.Header.Add("X-Forwarded-Host", "forged.example")
		for _, v := range tt.have {
			x.Request.Header.Add("x-forwarded-for", v)
		}
		x.Run(filtertest.Build(t, tt.filter))
		if diff := cmp.Diff(tt.want, filtertest.Fields(&x.Request.Header, "X-Forwarded-For")); diff != "" {
			t.Errorf("%s %q: X-Forwarded-For (-want +got):\n%s", tt.filter, tt.have, diff)
		}
		if diff := cmp.Diff(tt.forwardedHost, filtertest.Fields(&x.Request.Header, "X-Forwarded-Host")); diff != "" {
			t.Errorf("%s %q: X-Forwarded-Host (-want +got):\n%s", tt.filter, tt.have, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{`expected "true" or "false"`, []any{"preserveHost", "yes"}},
		{"found 0 arguments", []any{"preserveHost"}},
		{"found the timeout 0s", []any{"backendTimeout", 0}},
		{"found the timeout -1s", []any{"backendTimeout", "-1s"}},
		{`expected a duration such as "1.5s"`, []any{"backendTimeout", "soon"}},
		{"unknown placeholder", []any{"consistentHashKey", "${request.}"}},
		{"argument 1 (factor)", []any{"consistentHashBalanceFactor", 0.5}},
		{`found the host "a b"`, []any{"setDynamicBackendHost", "a b"}},
		{`found the host ""`, []any{"setDynamicBackendHost", ""}},
		{`found the scheme "htps"`, []any{"setDynamicBackendScheme", "htps"}},
		{`did you mean "https"?`, []any{"setDynamicBackendScheme", "htps"}},
		{"expected a URL such as", []any{"setDynamicBackendUrl", "a.example"}},
		{`found the host ""`, []any{"setDynamicBackendUrl", "https:///x"}},
		{"may not stand in a header name", []any{"setDynamicBackendUrlFromHeader", "X Y"}},
		{"found 1 argument, expected ()", []any{"xforward", "x"}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, call := range [][]any{
		{"preserveHost", "true"},
		{"backendTimeout", "1s"},
		{"consistentHashKey", "${request.header.X-A}"},
		{"consistentHashBalanceFactor", 2},
		{"setDynamicBackendUrl", "https://a.example"},
		{"setDynamicBackendUrlFromHeader", "X-Url"},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add("X-A", "a")
		x.Request.Header.Add("X-Url", "https://a.example/x")
		if n := x.Allocs(filtertest.Build(t, call[0].(string), call[1:]...)); n != 0 {
			t.Errorf("%v: %v allocations, want 0", call, n)
		}
	}
}
