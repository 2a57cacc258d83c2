package cidr

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func TestContains(t *testing.T) {
	for _, c := range []struct {
		networks string
		in, out  string
	}{
		{"", "", "0.0.0.0 ::"},
		{"10.0.0.1", "10.0.0.1 ::ffff:10.0.0.1", "10.0.0.0 10.0.0.2 ::a00:1"},
		{"10.0.0.0/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0"},
		{"10.1.2.3/8", "10.0.0.0 10.255.255.255", "11.0.0.0"},
		{"0.0.0.0/0", "0.0.0.0 255.255.255.255", ":: ::1"},
		{"::/0", ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1.2.3.4 ::ffff:1.2.3.4"},
		{"255.255.255.255 0.0.0.0", "255.255.255.255 0.0.0.0", "0.0.0.1"},
		{"10.0.0.0/25 10.0.0.128/25 10.0.1.0/24", "10.0.0.0 10.0.1.255", "10.0.2.0 9.255.255.255"},
		{"10.0.0.0/8 10.1.0.0/16 10.255.255.255", "10.200.0.0", "11.0.0.0"},
		{"fd00::/8", "fd00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fc00:: fe00:: 10.0.0.1"},
		{"::1", "::1", ":: ::2 127.0.0.1"},
		{"2001:db8::/64 2001:db8:0:1::/64", "2001:db8:0:1:ffff:ffff:ffff:ffff 2001:db8::", "2001:db8:0:2:: 2001:db7:ffff:ffff::"},
		{"2001:db8::/63", "2001:db8:0:1::", "2001:db8:0:2::"},
		{"2001:db8::/65", "2001:db8::7fff:0:0:1", "2001:db8::8000:0:0:0"},
		{"::ffff:10.0.0.0/104", "10.1.2.3 ::ffff:10.1.2.3", "11.0.0.0 ::10.1.2.3"},
		{"::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"},
		{"fe80::1%eth0", "fe80::1 fe80::1%eth1", "fe80::2"},
		{"ffff::/16 ::/128", "ffff:ffff:: ::", "fffe:: ::1"},
	} {
		t.Run(c.networks, func(t *testing.T) {
			s, err := Parse(strings.Fields(c.networks))
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range strings.Fields(c.in) {
				if !s.Contains(netip.MustParseAddr(a)) {
					t.Errorf("%s is not in it", a)
				}
			}
			for _, a := range strings.Fields(c.out) {
				if s.Contains(netip.MustParseAddr(a)) {
					t.Errorf("%s is in it", a)
				}
			}
			if s.Contains(netip.Addr{}) {
				t.Error("the zero address is in it")
			}
		})
	}
}

func TestParseRejects(t *testing.T) {
	for _, s := range []string{"", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129", "10.0.0.0/8/8", "fe80::%eth0/64", "[::1]", "1.2.3.4:80"} {
		if _, err := Parse([]string{"10.0.0.1", s}); err == nil || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("%q: got the error %v", s, err)
		}
	}
}

func TestNewLeavesOutInvalid(t *testing.T) {
	if s := New([]netip.Prefix{{}}); len(s.v4)+len(s.v6) != 0 {
		t.Errorf("got %v", s)
	}
}

// TestAgainstList compares with asking each network in turn.
func TestAgainstList(t *testing.T) {
	for range 200 {
		prefixes := make([]netip.Prefix, rand.IntN(40))
		for i := range prefixes {
			a := near()
			prefixes[i] = netip.PrefixFrom(a, a.BitLen()-rand.IntN(12))
		}
		s := New(prefixes)
		for range 200 {
			a, want := near(), false
			for _, p := range prefixes {
				want = want || p.Contains(a)
			}
			if got := s.Contains(a); got != want {
				t.Fatalf("%v in %v: got %v", a, prefixes, got)
			}
		}
	}
}

// near returns an address out of a few thousand, of either family.
func near() netip.Addr {
	if n := rand.Uint32N(1 << 12); rand.IntN(2) == 0 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], n<<20>>uint(rand.IntN(20)))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], 0x20010db8_00000000)
	binary.BigEndian.PutUint64(b[8:], rand.Uint64N(1<<12))
	return netip.AddrFrom16(b)
}

func TestContainsAllocatesNothing(t *testing.T) {
	s, a4, a6 := many(1000), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::2")
	if n := testing.AllocsPerRun(100, func() { s.Contains(a4); s.Contains(a6) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// many returns a set of n ranges that do not touch.
func many(n int) *Set {
	prefixes := make([]netip.Prefix, n)
	for i := range prefixes {
		prefixes[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 2}), 31)
	}
	return New(prefixes)
}

func BenchmarkContains(b *testing.B) {
	s, a := many(10000), netip.MustParseAddr("10.20.30.3")
	b.ReportAllocs()
	for b.Loop() {
		if !s.Contains(a) {
			b.Fatal("not found")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("10.0.0.0/8", "10.1.2.3")
	f.Add("::ffff:1.2.3.4/100", "1.2.3.4")
	f.Add("2001:db8::/33", "2001:db8::1")
	f.Fuzz(func(t *testing.T, network, addr string) {
		s, err := Parse([]string{network})
		a, addrErr := netip.ParseAddr(addr)
		if err != nil || addrErr != nil {
			return
		}
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return
		}
		// A network of mapped addresses means IPv4 here and nothing in netip.
		if p.Addr().Is4In6() || a.Is4In6() {
			return
		}
		if got, want := s.Contains(a), p.Contains(a.WithZone("")); got != want {
			t.Fatalf("%v in %v: got %v", a, p, got)
		}
	})
}
