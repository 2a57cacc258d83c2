package proxy

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
)

func TestGuard(t *testing.T) {
	g, err := newGuard([]string{"127.0.0.7", "10.0.0.0/8", "fe80::7"})
	if err != nil {
		t.Fatal(err)
	}
	g.protect(netip.MustParseAddrPort("[::]:9911"), true)
	g.protect(netip.MustParseAddrPort("172.16.0.1:443"), false)
	for _, a := range strings.Fields(`
		127.0.0.1:80 127.255.255.254:80 0.0.0.0:80 0.1.2.3:80 169.254.169.254:80 169.254.1.1:443 224.0.0.1:80
		255.255.255.255:80 240.0.0.1:80 100.100.100.200:80 168.63.129.16:80 192.0.0.192:80
		[::]:80 [::1]:80 [fe80::1]:80 [fe80::1%lo]:80 [fec0::1]:80 [ff02::1]:80 [fd00:ec2::254]:80 [fd20:ce::254]:80
		[::ffff:127.0.0.1]:80 [::ffff:169.254.169.254]:80 [::ffff:0.0.0.0]:80 [::127.0.0.1]:80 [::7f00:1]:80
		[64:ff9b::127.0.0.1]:80 [64:ff9b::a9fe:a9fe]:80 [64:ff9b:1::1]:80 [2002:7f00:1::1]:80 [2002:a9fe:a9fe::]:80
		[2001:0:1:2:3:4:80ff:fffe]:80 172.16.0.1:443 [::ffff:172.16.0.1]:443`) {
		if err := g.control(t.Context(), "tcp", a, nil); !errors.Is(err, message.ReasonTargetRefused) {
			t.Errorf("%s: got %v", a, err)
		}
	}
	for _, a := range strings.Fields(`
		127.0.0.7:80 [::ffff:127.0.0.7]:80 [fe80::7]:80 10.1.2.3:9911 172.16.0.1:80 192.168.0.1:80 8.8.8.8:53 172.16.0.1:9911
		[2001:db8::1]:80 [2606:4700::1]:443 [64:ff9b::808:808]:80 [2002:808:808::1]:80 [fd00::1]:80 1.2.3.4:9911`) {
		if err := g.control(t.Context(), "tcp", a, nil); err != nil {
			t.Errorf("%s: got %v", a, err)
		}
	}
}

// TestGuardOwnPorts checks our own ports at the addresses of this machine that
// are not refused anyway.
func TestGuardOwnPorts(t *testing.T) {
	g, err := newGuard(nil)
	if err != nil {
		t.Fatal(err)
	}
	g.protect(netip.MustParseAddrPort("0.0.0.0:9090"), true)
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range addrs {
		ip, _ := netip.AddrFromSlice(a.(*net.IPNet).IP)
		if ip = ip.Unmap(); g.check(netip.AddrPortFrom(ip, 80)) != nil {
			continue
		}
		n++
		if err := g.check(netip.AddrPortFrom(ip, 9090)); !errors.Is(err, message.ReasonTargetRefused) {
			t.Errorf("%v: got %v", ip, err)
		}
	}
	if n == 0 {
		t.Skip("this machine has no address but local ones")
	}
}

func TestGuardNames(t *testing.T) {
	g, err := newGuard([]string{"Local.Example.org.", "*.below.example.org", " "})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"local.example.org": true, "LOCAL.example.ORG.:80": true, "a.below.example.org": true, "a.b.below.example.org:1": true,
		"below.example.org": false, "xbelow.example.org": false, "x.local.example.org": false, "127.0.0.1": false, "": false,
		"evil/x.below.example.org": false, "local.example.org@evil": false, "evil#.below.example.org": false,
	} {
		if got := g.allowsName(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
	for _, bad := range []string{"127.0.0.1:80", "http://a", "*", "*.", "a b", "300.1.1.1", "10.0.0.0/40", "a.*.b"} {
		if _, err := newGuard([]string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestRation(t *testing.T) {
	var r ration
	taken, withheld := 0, int64(0)
	for n := range int64(3 * mostLines) {
		if w, ok := r.take(7_000_000_000 + n); ok {
			taken++
			withheld += w
		}
	}
	if taken != mostLines || withheld != 0 {
		t.Errorf("%d lines in a second, %d withheld before them", taken, withheld)
	}
	if w, ok := r.take(8_000_000_000); !ok || w != 2*mostLines {
		t.Errorf("the next second: %v, %d withheld", ok, w)
	}
}

// TestRations: what one kind of fault fills hides no other.
func TestRations(t *testing.T) {
	all := newRations()
	for range 2 * mostLines {
		all.of(message.ReasonClientGone).take(7_000_000_000)
	}
	if _, ok := all.of(message.ReasonBackendReset).take(7_000_000_000); !ok {
		t.Error("no line is left for another reason")
	}
	if _, ok := all.of(message.ReasonClientGone).take(7_000_000_000); ok {
		t.Error("the first reason still has lines")
	}
}
