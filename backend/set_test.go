package backend_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/backend"
)

func TestAcquireAddress(t *testing.T) {
	for _, c := range []struct{ in, scheme, address, authority string }{
		{"http://a", "http", "a:80", "a"},
		{"http://a:8080", "http", "a:8080", "a:8080"},
		{"https://a.example.org", "https", "a.example.org:443", "a.example.org"},
		{"HTTPS://a", "https", "a:443", "a"},
		{"h2c://a", "h2c", "a:80", "a"},
		{"fastcgi://a:9000", "fastcgi", "a:9000", "a:9000"},
		{"http://10.0.0.1", "http", "10.0.0.1:80", "10.0.0.1"},
		{"http://[::1]", "http", "[::1]:80", "[::1]"},
		{"http://[::1]:81", "http", "[::1]:81", "[::1]:81"},
		{"http://a/path?zone=x#y", "http", "a:80", "a"},
		{"http://a?x", "http", "a:80", "a"},
		{"http://user:secret@a:81/", "http", "a:81", "a:81"},
		{"http://a_b-c.d", "http", "a_b-c.d:80", "a_b-c.d"},
	} {
		t.Run(c.in, func(t *testing.T) {
			var s backend.Set
			e, err := s.Acquire(c.in, "z")
			if err != nil {
				t.Fatal(err)
			}
			if e.Scheme != c.scheme || e.Address != c.address || e.Authority != c.authority || e.Zone != "z" {
				t.Errorf("got %s %s %s %s, want %s %s %s z", e.Scheme, e.Address, e.Authority, e.Zone, c.scheme, c.address, c.authority)
			}
		})
	}
}

func TestAcquireRejects(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "no scheme"},
		{"example.org:80", "no scheme"},
		{"htpp://a", `did you mean "http"?`},
		{"gopher://a", "unknown scheme"},
		{"http://", "no host"},
		{"http://:80", "no host"},
		{"http:///path", "no host"},
		{"http://a:", `port ""`},
		{"http://a:0", `port "0"`},
		{"http://a:65536", "65535"},
		{"http://a:+80", `port "+80"`},
		{"http://::1:80", "in brackets"},
		{"http://[::1", `without "]"`},
		{"http://[::1]80", `after "]"`},
		{"http://[10.0.0.1]", "expected an IPv6 address"},
		{"http://[fe80::1%eth0]", "without a zone"},
		{"http://a b", "character"},
		{"http://a\r\nb", "character"},
		{"http://é", "xn--"},
		{"fastcgi://a", "no default port"},
	} {
		t.Run(c.in, func(t *testing.T) {
			var s backend.Set
			_, err := s.Acquire(c.in, "")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if s.Len() != 0 {
				t.Errorf("a rejected address left %d endpoints", s.Len())
			}
		})
	}
}

type transport struct {
	closed int
	err    error
}

func (t *transport) Close() error { t.closed++; return t.err }

func acquire(t *testing.T, s *backend.Set, address, zone string) *backend.Endpoint {
	t.Helper()
	e, err := s.Acquire(address, zone)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSetShares(t *testing.T) {
	var s backend.Set
	a := acquire(t, &s, "http://a", "")
	if acquire(t, &s, "http://a/x", "") != a {
		t.Error("the same address gave two endpoints")
	}
	for _, other := range []struct{ address, zone string }{{"http://a:80", ""}, {"https://a", ""}, {"http://a", "z"}} {
		if acquire(t, &s, other.address, other.zone) == a {
			t.Errorf("%v shares an endpoint with http://a", other)
		}
	}
	if got := s.Len(); got != 4 {
		t.Errorf("%d endpoints, want 4", got)
	}
	if all := s.All(); len(all) != 4 || all[0] != a {
		t.Errorf("All is not sorted: %v", all)
	}
}

func TestSetRelease(t *testing.T) {
	var s backend.Set
	tr := &transport{err: errors.New("reset")}
	a := acquire(t, &s, "http://a", "")
	acquire(t, &s, "http://a", "")
	a.SetTransport(tr)
	if err := s.Release(a); err != nil || tr.closed != 0 || s.Len() != 1 {
		t.Fatalf("released with a user left: err %v, closed %d, len %d", err, tr.closed, s.Len())
	}
	if err := s.Release(a); err == nil || tr.closed != 1 || s.Len() != 0 {
		t.Fatalf("last release: err %v, closed %d, len %d", err, tr.closed, s.Len())
	}
	if err := s.Release(a); err != nil || tr.closed != 1 {
		t.Fatalf("one release too many: err %v, closed %d", err, tr.closed)
	}
	b := acquire(t, &s, "http://a", "")
	if b == a || b.Transport() != nil {
		t.Error("a released endpoint came back")
	}
	if err := s.Release(a); err != nil || s.Len() != 1 {
		t.Error("releasing a gone endpoint took away its successor")
	}
}

func TestSetConcurrent(t *testing.T) {
	var s backend.Set
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				e, err := s.Acquire("http://a", "")
				if err != nil {
					t.Error(err)
					return
				}
				e.SetTransport(&transport{})
				if err := s.Release(e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s.Len() != 0 {
		t.Errorf("%d endpoints left", s.Len())
	}
}

func FuzzAcquire(f *testing.F) {
	for _, s := range []string{"http://a", "https://[::1]:1/x", "h2c://a:b", "http://u@h?q"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		var s backend.Set
		e, err := s.Acquire(address, "")
		if err != nil {
			return
		}
		again, err := s.Acquire(e.Scheme+"://"+e.Authority, "")
		if err != nil || again != e {
			t.Fatalf("%q: its own authority %q gives %v, %v", address, e.Authority, again, err)
		}
		if strings.ContainsAny(e.Address, " \r\n\t/?#@") {
			t.Fatalf("%q: address %q", address, e.Address)
		}
	})
}
