package hostile

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// startSecret runs a backend that only this machine may reach, and counts its visitors.
func startSecret(t *testing.T) (port string, visits *atomic.Int32) {
	t.Helper()
	visits = new(atomic.Int32)
	addr := startRaw(t, func(c net.Conn) {
		visits.Add(1)
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
	})
	_, port, _ = net.SplitHostPort(addr)
	return port, visits
}

// TestSSRFDynamic: a request cannot choose a backend that only this machine
// should reach, however the address is written.
func TestSSRFDynamic(t *testing.T) {
	port, visits := startSecret(t)
	i := start(t, `header: HeaderRegexp("X-Target", ".") -> setDynamicBackendUrlFromHeader("X-Target") -> <dynamic>;
		host: * -> <dynamic>`)
	_, support, _ := net.SplitHostPort(i.support)
	_, own, _ := net.SplitHostPort(i.addr)
	var targets []string
	for _, p := range []string{port, support, own} {
		for _, host := range []string{
			"127.0.0.1", "127.1.2.3", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
			"[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
			"LOCALHOST.", "169.254.169.254", "[fe80::1]",
		} {
			targets = append(targets, host+":"+p)
		}
	}
	for _, target := range targets {
		for _, request := range []string{
			"GET / HTTP/1.1\r\nHost: h\r\nX-Target: http://" + target + "/\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: " + target + "\r\n\r\n",
		} {
			a := i.get(request)
			if a.StatusCode < 400 || strings.Contains(a.body, "secret") {
				t.Errorf("%q reached its target: %s %q", request, a.Status, a.body)
			}
		}
	}
	if a := i.get("GET / HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\n\r\n"); a.StatusCode != http.StatusForbidden {
		t.Errorf("got %s, want 403", a.Status)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	if !strings.Contains(i.log.String(), "reason=target-refused") {
		t.Error("the log does not tell")
	}
}

// TestSSRFAllowed: what the configuration names, or allows, is reached.
func TestSSRFAllowed(t *testing.T) {
	port, _ := startSecret(t)
	fixed := start(t, `r: * -> setDynamicBackendUrl("http://127.0.0.1:`+port+`") -> <dynamic>`)
	if a := fixed.get("GET / HTTP/1.1\r\nHost: h\r\n\r\n"); a.body != "secret" {
		t.Errorf("a target that the route names: %s", a.Status)
	}
	for _, allow := range []string{"127.0.0.0/8", "127.0.0.1", "localhost"} {
		i := start(t, `r: * -> setDynamicBackendScheme("http") -> <dynamic>`, "-dynamic-backend-allow="+allow)
		host := "127.0.0.1:"
		if allow == "localhost" {
			host = "localhost:"
		}
		if a := i.get("GET / HTTP/1.1\r\nHost: " + host + port + "\r\n\r\n"); a.body != "secret" {
			t.Errorf("allowed is %s: got %s", allow, a.Status)
		}
	}
}

// TestSSRFSharedConnection: an idle connection that a route made to a local
// address is not lent to a request that chose the same address.
func TestSSRFSharedConnection(t *testing.T) {
	back := startBackend(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") })
	i := start(t, `fixed: Path("/fixed") -> "http://`+back+`"; named: Path("/named") -> setDynamicBackendUrl("http://`+back+`") -> <dynamic>; r: * -> <dynamic>`)
	for _, path := range []string{"/fixed", "/named", "/"} {
		a := i.get("GET " + path + " HTTP/1.1\r\nHost: " + back + "\r\n\r\n")
		if want := path != "/"; (a.body == "secret") != want {
			t.Errorf("%s: got %s %q", path, a.Status, a.body)
		}
	}
}

// TestSSRFRebinding: a name server that gives a harmless address first and a
// local one later, or both at once, gains nothing.
func TestSSRFRebinding(t *testing.T) {
	secret, visits := startSecret(t)
	ln, err := net.Listen("tcp", "127.0.0.2:"+secret) // stands for an address in the Internet
	if err != nil {
		t.Skipf("no second local address: %v", err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "public") })}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(ln) }()
	defer func() { srv.Close(); <-served }()

	var asked atomic.Int32
	names := startNames(t, func(name string) []string {
		switch n := asked.Add(1); {
		case strings.HasPrefix(name, "both"):
			return []string{"127.0.0.1", "127.0.0.2", "127.0.0.1"}
		case strings.HasPrefix(name, "swap"):
			return []string{"127.0.0.2", "127.0.0.1"}
		case n%2 == 1:
			return []string{"127.0.0.2"}
		}
		return []string{"127.0.0.1"}
	})
	before := net.DefaultResolver
	net.DefaultResolver = names
	defer func() { net.DefaultResolver = before }()

	i := start(t, `r: * -> <dynamic>`, "-dynamic-backend-allow=127.0.0.2", "-disable-http-keepalives")
	public := 0
	for n := range 60 {
		name := []string{"turn", "both", "swap"}[n%3]
		a := i.get(fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s%d.example:%s\r\n\r\n", name, n%2, secret))
		switch {
		case a.body == "public":
			public++
		case a.StatusCode != http.StatusForbidden:
			t.Errorf("%s: got %s %q", name, a.Status, a.body)
		}
	}
	if public == 0 || asked.Load() == 0 {
		t.Errorf("%d answers of the public address, %d questions for names: the test tests nothing", public, asked.Load())
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the local address was reached %d times", n)
	}
}

// startNames runs a name server that answers each question for IPv4 addresses
// with what answer returns, and a resolver that asks it.
func startNames(t *testing.T, answer func(name string) []string) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			if reply := nameReply(b[:n], answer); reply != nil {
				_, _ = pc.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// nameReply answers one question (RFC 1035 4).
func nameReply(q []byte, answer func(string) []string) []byte {
	if len(q) < 17 {
		return nil
	}
	end, name := 12, ""
	for end < len(q) && q[end] != 0 {
		n := int(q[end])
		if end+1+n > len(q) {
			return nil
		}
		name += string(q[end+1:end+1+n]) + "."
		end += 1 + n
	}
	if end+5 > len(q) {
		return nil
	}
	question := q[12 : end+5]
	var addrs []string
	if kind := binary.BigEndian.Uint16(q[end+1:]); kind == 1 { // A
		addrs = answer(name)
	}
	r := append([]byte{q[0], q[1], 0x84, 0, 0, 1, 0, byte(len(addrs)), 0, 0, 0, 0}, question...)
	for _, a := range addrs {
		r = append(r, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		r = append(r, net.ParseIP(a).To4()...)
	}
	return r
}
