package message

import (
	"net/netip"
	"testing"
)

func TestParseAddr(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"1.2.3.4", "1.2.3.4"},
		{" 1.2.3.4\t", "1.2.3.4"},
		{"1.2.3.4:5678", "1.2.3.4"},
		{"::1", "::1"},
		{"::", "::"},
		{"[::1]", "::1"},
		{"[::1]:80", "::1"},
		{"fe80::1%eth0", "fe80::1"},
		{"[fe80::1%eth0]:80", "fe80::1"},
		{"::ffff:1.2.3.4", "1.2.3.4"},
		{"::ffff:102:304", "1.2.3.4"},
		{"[::ffff:1.2.3.4]:1", "1.2.3.4"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:DB8::1", "2001:db8::1"},
		{"", ""},
		{"unknown", ""},
		{"_hidden", ""},
		{"1.2.3", ""},
		{"1.2.3.4.5", ""},
		{"1.2.3.256", ""},
		{"1.2.3.4:", ""},
		{"1.2.3.4:x", ""},
		{"1.2.3.4:123456", ""},
		{"1.2.3.4%eth0", ""},
		{"1.2.3.4/8", ""},
		{"[1.2.3.4]:80", ""},
		{"[::1", ""},
		{"[::1]x", ""},
		{"::1]", ""},
		{":80", ""},
		{"example.org", ""},
		{"1.2.3.4 5.6.7.8", ""},
		{`"1.2.3.4"`, ""},
	} {
		t.Run(c.in, func(t *testing.T) {
			got := ""
			if a := ParseAddr(c.in); a.IsValid() {
				got = a.String()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSource(t *testing.T) {
	for _, c := range []struct {
		name                string
		forwarded           []string
		source, last, plain string
	}{
		{"no field", nil, "9.9.9.9", "9.9.9.9", "9.9.9.9"},
		{"one entry", []string{"1.1.1.1"}, "1.1.1.1", "1.1.1.1", "9.9.9.9"},
		{"list", []string{"1.1.1.1, 2.2.2.2,3.3.3.3"}, "1.1.1.1", "3.3.3.3", "9.9.9.9"},
		{"fields", []string{"1.1.1.1, 2.2.2.2", "3.3.3.3, 4.4.4.4"}, "1.1.1.1", "4.4.4.4", "9.9.9.9"},
		{"empty field", []string{"", " "}, "9.9.9.9", "9.9.9.9", "9.9.9.9"},
		{"empty field before", []string{" ", "1.1.1.1"}, "1.1.1.1", "1.1.1.1", "9.9.9.9"},
		{"garbage first", []string{"unknown, 2.2.2.2"}, "", "2.2.2.2", "9.9.9.9"},
		{"garbage last", []string{"1.1.1.1, unknown"}, "1.1.1.1", "", "9.9.9.9"},
		{"empty entries", []string{",1.1.1.1,"}, "", "", "9.9.9.9"},
		{"port", []string{"1.1.1.1:80, [::2]:80"}, "1.1.1.1", "::2", "9.9.9.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Request{Remote: netip.MustParseAddrPort("[::ffff:9.9.9.9]:1")}
			for _, v := range c.forwarded {
				r.Header.Add("x-forwarded-for", v)
			}
			for _, got := range []struct {
				what string
				addr netip.Addr
				want string
			}{{"Source", r.Source(), c.source}, {"SourceFromLast", r.SourceFromLast(), c.last}, {"ClientIP", r.ClientIP(), c.plain}} {
				s := ""
				if got.addr.IsValid() {
					s = got.addr.String()
				}
				if s != got.want {
					t.Errorf("%s is %q, want %q", got.what, s, got.want)
				}
			}
		})
	}
}

func TestSourceAllocatesNothing(t *testing.T) {
	r := Request{Remote: netip.MustParseAddrPort("[fe80::1%eth0]:1")}
	r.Header.Add("X-Forwarded-For", "1.2.3.4:80, [fe80::1%eth0]:1, unknown")
	if n := testing.AllocsPerRun(100, func() {
		if !r.Source().IsValid() || r.SourceFromLast().IsValid() || !r.ClientIP().IsValid() {
			t.Fatal("wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "[::1]:80", "fe80::1%eth0", "::ffff:1.2.3.4", "unknown"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := ParseAddr(s)
		if !a.IsValid() {
			if theirs, err := netip.ParseAddr(s); err == nil {
				t.Fatalf("%q: refused, netip reads %v", s, theirs)
			}
			return
		}
		if a.Zone() != "" || a.Is4In6() || ParseAddr(a.String()) != a {
			t.Fatalf("%q: %v is not plain", s, a)
		}
	})
}
