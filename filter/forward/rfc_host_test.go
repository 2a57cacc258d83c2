package forward_test

import (
	"testing"

	"fairlead.dev/fairlead/filter/filtertest"
)

func TestRFCHost(t *testing.T) {
	for host, want := range map[string]string{
		"example.org": "example.org", "example.org.": "example.org", "example.org.:80": "example.org:80",
		"example.org:80": "example.org:80", "": "", ".": ".", ".:80": ".:80", "a.b.": "a.b", "[::1]:80": "[::1]:80",
	} {
		x := filtertest.New(t)
		x.Request.Header.Reset()
		x.Request.Header.Add("host", host)
		x.Request.Header.Add("X-Host", host)
		x.Request.Host, x.Upstream.Host = host, host
		x.RunRequest(filtertest.Build(t, "rfcHost"))
		if h := x.Request.Header.Get("Host"); x.Request.Host != want || x.Upstream.Host != want || h != want {
			t.Errorf("%q: host %q, outgoing %q, field %q", host, x.Request.Host, x.Upstream.Host, h)
		}
		if x.Request.Header.Get("X-Host") != host {
			t.Error("another field was changed")
		}
	}
	x := filtertest.New(t)
	x.Request.Host = "example.org."
	if n := x.Allocs(filtertest.Build(t, "rfcHost")); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
