package listen

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/proxyproto"
	"fairlead.dev/fairlead/option"
)

const (
	header1  = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"
	loopback = "127.0.0.0/8"
)

func header2() string {
	return string(proxyproto.Append(nil, proxyproto.Header{
		Version: 2, Source: netip.MustParseAddrPort("192.0.2.1:56324"), Destination: netip.MustParseAddrPort("198.51.100.1:443"),
	}))
}

func TestPolicy(t *testing.T) {
	g := newGate(t, GateConfig{}, func(v *Values) {
		v.EnableProxy = true
		v.ProxyAllow, v.ProxyDeny, v.ProxySkip = []string{"10.0.0.0/8", "fd00::/8"}, []string{"10.1.0.0/16"}, []string{"10.2.0.0/16", "10.1.2.0/24"}
	})
	for a, want := range map[string]verdict{
		"10.0.0.1": useHeader, "fd00::1": useHeader, "::ffff:10.0.0.1": useHeader,
		"10.1.0.1": refuseHeader, "10.1.2.1": refuseHeader, "10.2.0.1": ignoreHeader,
		"192.0.2.1": refuseHeader, "2001:db8::1": refuseHeader,
	} {
		if got := g.policy.on(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: got %d, want %d", a, got, want)
		}
	}
	if got := newGate(t, GateConfig{}, func(v *Values) { v.ProxyAllow = []string{"0.0.0.0/0"} }).policy.on(netip.MustParseAddr("10.0.0.1")); got != ignoreHeader {
		t.Errorf("without -enable-proxy-protocol: %d", got)
	}
	set := option.NewSet()
	v := Options.From(set)
	v.EnableProxy, v.ProxyDeny = true, []string{"10.0.0.0/8", "elsewhere"}
	if _, err := NewGate(set, GateConfig{}); err == nil || !strings.Contains(err.Error(), "-proxy-deny-cidrs") || !strings.Contains(err.Error(), `"elsewhere"`) {
		t.Errorf("got %v", err)
	}
}

// TestProxyHeader checks what becomes of connections with and without a header,
// and that the first byte of HTTP is the one behind the header.
func TestProxyHeader(t *testing.T) {
	allow := Values{EnableProxy: true, ProxyAllow: []string{loopback}}
	for name, test := range map[string]struct {
		values Values
		send   string
		remote string // "": that of the socket
		want   Refusal
		reads  string
	}{
		"version 1":                 {allow, header1 + "GET", "192.0.2.1:56324", Admitted, "GET"},
		"version 2":                 {allow, header2() + "GET", "192.0.2.1:56324", Admitted, "GET"},
		"none":                      {allow, "GET", "", Admitted, "GET"},
		"the load balancer itself":  {allow, string(proxyproto.Append(nil, proxyproto.Header{Version: 2})) + "GET", "", Admitted, "GET"},
		"two":                       {allow, header1 + header1, "192.0.2.1:56324", Admitted, header1},
		"malformed":                 {allow, "PROXY TCP4 nobody\r\nGET", "", RefusedProxyMalformed, ""},
		"spill":                     {allow, header2()[:15] + "\x0f" + header2()[16:] + "\x02\x01\x00GET", "", RefusedProxyMalformed, ""},
		"spoofed, not listed":       {Values{EnableProxy: true, ProxyAllow: []string{"10.0.0.0/8"}}, header1 + "GET", "", RefusedProxyUntrusted, ""},
		"spoofed, not listed, v2":   {Values{EnableProxy: true}, header2() + "GET", "", RefusedProxyUntrusted, ""},
		"spoofed, denied":           {Values{EnableProxy: true, ProxyAllow: []string{loopback}, ProxyDeny: []string{"127.0.0.1"}}, header1 + "GET", "", RefusedProxyUntrusted, ""},
		"not listed, without":       {Values{EnableProxy: true}, "GET", "", Admitted, "GET"},
		"skipped":                   {Values{EnableProxy: true, ProxyAllow: []string{loopback}, ProxySkip: []string{loopback}}, header1, "", Admitted, header1},
		"not enabled":               {Values{ProxyAllow: []string{loopback}}, header1, "", Admitted, header1},
		"many connections of one":   {Values{EnableProxy: true, ProxyAllow: []string{loopback}, MaxConnectionsPerClient: 1}, header1 + "GET", "192.0.2.1:56324", Admitted, "GET"},
		"looks like one at first":   {allow, "PROPFIND / HTTP/1.1\r\n", "", Admitted, "PROPFIND / HTTP/1.1\r\n"},
		"the same, not listed":      {Values{EnableProxy: true}, "PROPFIND / HTTP/1.1\r\n", "", Admitted, "PROPFIND / HTTP/1.1\r\n"},
		"begins like version 2 too": {allow, "\r\n\r\nGET / HTTP/1.1\r\n", "", Admitted, "\r\n\r\nGET / HTTP/1.1\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, setup{values: test.values})
			client := w.dial()
			writeSlowly(t, client, test.send)
			if test.want != Admitted {
				if got := w.refusal(); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				ended(t, client, false) // the reset may have met a write
				return
			}
			c := w.next()
			remote := test.remote
			if remote == "" {
				remote = client.LocalAddr().String()
			} else if local := c.Local().String(); local != "198.51.100.1:443" {
				t.Errorf("local %s", local)
			}
			if c.Remote().String() != remote {
				t.Errorf("remote %s, want %s", c.Remote(), remote)
			}
			got := make([]byte, len(test.reads))
			if _, err := io.ReadFull(reader{c}, got); err != nil || string(got) != test.reads {
				t.Errorf("reads %q, %v", got, err)
			}
		})
	}
}

// writeSlowly sends text in three packets, so that the header is cut.
func writeSlowly(t *testing.T, c net.Conn, text string) {
	t.Helper()
	_ = c.(*net.TCPConn).SetNoDelay(true)
	third := len(text) / 3
	for _, part := range []string{text[:third], text[third : 2*third], text[2*third:]} {
		if _, err := io.WriteString(c, part); err != nil {
			return // refused already
		}
	}
}

// TestProxyHeaderUnderTLS checks that the handshake begins behind the header.
func TestProxyHeaderUnderTLS(t *testing.T) {
	w := begin(t, setup{tls: true, values: Values{EnableProxy: true, ProxyAllow: []string{loopback}}})
	raw := w.dial()
	if _, err := io.WriteString(raw, header2()); err != nil {
		t.Fatal(err)
	}
	client := tls.Client(raw, &tls.Config{RootCAs: w.ca.Pool(), ServerName: "example.org"})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if c := w.next(); c.Remote().String() != "192.0.2.1:56324" || c.Local().String() != "198.51.100.1:443" {
		t.Errorf("remote %s, local %s", c.Remote(), c.Local())
	}
}

// TestProxyHeaderInTime checks that a load balancer that sends half a header, or
// nothing, does not stay, and that one that leaves is not logged.
func TestProxyHeaderInTime(t *testing.T) {
	w := begin(t, setup{values: Values{EnableProxy: true, ProxyAllow: []string{loopback}}})
	began := time.Now()
	half := w.dial()
	if _, err := io.WriteString(half, header1[:20]); err != nil {
		t.Fatal(err)
	}
	if got := w.refusal(); got != RefusedProxyTimeout || time.Since(began) < headerTime {
		t.Errorf("got %q", got)
	}
	ended(t, half, true)
	before := w.log.String()
	_ = w.dial().Close()
	if got := w.refusal(); got != RefusedLeft {
		t.Errorf("got %q", got)
	}
	cut := w.dial()
	if _, err := io.WriteString(cut, header1[:20]); err != nil {
		t.Fatal(err)
	}
	_ = cut.(*net.TCPConn).CloseWrite()
	if got := w.refusal(); got != RefusedProxyMalformed {
		t.Errorf("a header that is cut off: %q", got)
	}
	if after := w.log.String(); strings.Contains(after[len(before):], string(RefusedLeft)) {
		t.Errorf("log: %s", after)
	}
}

// TestProxyHeaderCountsClients checks that clients are counted by the address
// that the load balancer says, not by its own.
func TestProxyHeaderCountsClients(t *testing.T) {
	w := begin(t, setup{values: Values{EnableProxy: true, ProxyAllow: []string{loopback}, MaxConnectionsPerClient: 1}})
	for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
		if _, err := io.WriteString(w.dial(), strings.Replace(header1, "192.0.2.1", address, 1)); err != nil {
			t.Fatal(err)
		}
		w.next()
	}
	again := w.dial()
	if _, err := io.WriteString(again, header1); err != nil {
		t.Fatal(err)
	}
	if got := w.refusal(); got != RefusedClient {
		t.Errorf("got %q", got)
	}
	ended(t, again, true)
}
