package peer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/bench/proc"
)

func TestParse(t *testing.T) {
	cases := []struct{ in, name, program string }{
		{"nginx", "nginx", ""},
		{"haproxy-splice", "haproxy-splice", ""},
		{"haproxy=/x/haproxy", "haproxy", "/x/haproxy"},
		{"fairlead-old=/tmp/f", "fairlead-old", "/tmp/f"},
	}
	for _, c := range cases {
		k, program, err := Parse(c.in)
		if err != nil || k.Name != c.name || program != c.program || k.Write == nil {
			t.Errorf("%q: %q, %q, %v", c.in, k.Name, program, err)
		}
	}
	if k, _, _ := Parse("fairlead-old=/tmp/f"); !k.FullTable {
		t.Error("another build of fairlead does not carry the full table")
	}
	for _, bad := range []string{"", "apache", "fairlead-old", "nginxx=/x"} {
		if k, _, err := Parse(bad); err == nil {
			t.Errorf("%q: no error but %q", bad, k.Name)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for in, want := range map[string]string{
		"nginx version: nginx/1.22.1":                              "1.22.1",
		"HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://x/": "2.6.12-1+deb12u4",
		"nothing known": "nothing known",
	} {
		if got := versionOf(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestMiddle(t *testing.T) {
	host, path := Routes{Hosts: 25000, Paths: PathNames()}.Middle()
	if host != "h12500.bench.example" || path != "/p2" {
		t.Errorf("%q, %q", host, path)
	}
}

// TestPeersDoTheirWork starts every proxy that is at hand with a small table
// and checks where requests go, what is set on them, and a change.
func TestPeersDoTheirWork(t *testing.T) {
	store := testStore(t)
	for _, k := range All() {
		t.Run(k.Name, func(t *testing.T) {
			path := program(t, store, k)
			origins, seen := backends(t)
			s := Setup{
				Dir: t.TempDir(), Port: freePort(t), Support: freePort(t), Origins: origins, Reload: true,
				Routes: Routes{Hosts: 3, Paths: PathNames()},
			}
			cmd, err := k.Write(s)
			if err != nil {
				t.Fatal(err)
			}
			cmd.Path, cmd.Dir, cmd.CPU, cmd.Log = path, s.Dir, -1, filepath.Join(s.Dir, "log")
			p, err := proc.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Stop)
			name, _, _ := strings.Cut(k.Name, "-")
			s.await(t, p, "elsewhere.example", "/", name, 0)
			for h := range 3 {
				for i, path := range s.Routes.Paths {
					s.await(t, p, fmt.Sprintf(HostFormat, h), path, name, i)
				}
			}
			if n := seen.withoutField(); n > 0 {
				t.Errorf("%d requests reached a backend without X-Bench: 1", n)
			}
			if k.Not != nil {
				return // takes no part in the change
			}
			s.Routes.Changed = true
			if _, err := k.Write(s); err != nil {
				t.Fatal(err)
			}
			host, path := s.Routes.Middle()
			for try := 1; k.Reload != 0; try++ {
				p.Signal(k.Reload) // it is lost on a haproxy that has just started
				if s.asked(host, path, Changed, -1, 2*time.Second) == "" || try == 10 {
					break
				}
			}
			s.await(t, p, host, path, Changed, -1)
			s.await(t, p, host, "/p1", name, 1)
		})
	}
}

func testStore(t *testing.T) *Store {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache folder: ", err)
	}
	bench, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return &Store{Cache: filepath.Join(cache, "fairlead-bench"), Bench: bench, Fairlead: filepath.Dir(bench), Say: func(s string) { t.Log(s) }}
}

// program finds what needs neither network nor minutes.
func program(t *testing.T, s *Store, k Kind) string {
	t.Helper()
	switch k.Name {
	case "nginx", "nginx-tuned", "haproxy", "haproxy-splice":
		name, _, _ := strings.Cut(k.Name, "-")
		path, err := lookPath(name)
		if err != nil {
			t.Skip("not installed: ", err)
		}
		return path
	case "fairlead", "netrp":
		local := *s
		local.Cache = t.TempDir()
		path, _, err := k.Find(context.Background(), &local)
		if err != nil && k.Name == "fairlead" {
			t.Skip("the tree does not build: ", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	built, err := filepath.Glob(filepath.Join(s.Cache, k.Name+"-v*"))
	if err != nil || len(built) == 0 {
		t.Skip("was not built yet: a run of the benchmarks does it")
	}
	return built[0]
}

// record counts what reaches the backends.
type record struct{ bad chan string }

func (r record) withoutField() int { return len(r.bad) }

// backends start four servers that say who they are in the field X-Backend.
func backends(t *testing.T) ([]string, record) {
	t.Helper()
	r := record{bad: make(chan string, 1000)}
	var addresses []string
	for i := range 4 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Header.Get("X-Bench") != "1" {
				r.bad <- req.URL.String()
			}
			w.Header().Set("X-Backend", fmt.Sprint(i))
			io.WriteString(w, strings.Repeat("x", 100))
		}))
		t.Cleanup(s.Close)
		addresses = append(addresses, s.Listener.Addr().String())
	}
	return addresses, r
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// await asks until the answer has the X-Served and, unless negative, comes
// from the backend.
func (s Setup) await(t *testing.T, p *proc.Process, host, path, served string, backend int) {
	t.Helper()
	for range 30 {
		last := s.asked(host, path, served, backend, time.Second)
		if last == "" {
			return
		}
		t.Log(last)
		if err := p.Ended(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("%s%s: want X-Served %q from backend %d", host, path, served, backend)
}

// asked asks for so long and returns "" as soon as the answer is right, or
// else the last wrong one.
func (s Setup) asked(host, path, served string, backend int, longest time.Duration) string {
	tr := &http.Transport{DisableKeepAlives: true}
	for deadline := time.Now().Add(longest); ; {
		last := ""
		req, err := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d%s", s.Port, path), nil)
		if err != nil {
			return err.Error()
		}
		req.Host = host
		res, err := tr.RoundTrip(req)
		if err != nil {
			last = err.Error()
		} else {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode == 200 && res.Header.Get("X-Served") == served &&
				(backend < 0 || res.Header.Get("X-Backend") == fmt.Sprint(backend)) {
				return ""
			}
			last = fmt.Sprint(res.StatusCode, res.Header)
		}
		if time.Now().After(deadline) {
			return last
		}
	}
}
