package judges

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// steadyTown is several instances of Fairlead, one after the other, with a load
// balancer in front that looks at their readiness.
type steadyTown struct {
	t         *testing.T
	program   string
	ca        *certtest.CA
	dir       string
	cert, key string
	routes    string
	flags     []string

	mu     sync.Mutex
	fronts []*steadyFront
	gen    int
	backs  []*steadyBack
}

// steadyFront is one instance.
type steadyFront struct {
	secure, plain, support string
	cmd                    *exec.Cmd
	log                    *output
	ended                  chan error
	ready                  bool // of the town's lock
}

func newSteadyTown(t *testing.T, flags ...string) *steadyTown {
	s := &steadyTown{t: t, program: buildFairlead(t), ca: certtest.New(t, "steady"), dir: t.TempDir(), flags: flags}
	s.routes = filepath.Join(s.dir, "routes.eskip")
	s.cert, s.key = s.ca.Server(t, frontName).Write(t, s.dir, "front")
	s.backs = []*steadyBack{startSteadyBack(t), startSteadyBack(t)}
	s.newRoutes()
	return s
}

// newCertificate puts another certificate, with another key, in the place of the
// one that is served.
func (s *steadyTown) newCertificate() {
	s.ca.Server(s.t, frontName).Write(s.t, s.dir, "front")
}

// newRoutes writes routes that lead to the same answers in another way.
func (s *steadyTown) newRoutes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	a, b := s.backs[0].address, s.backs[1].address
	to := []string{
		`"http://` + a + `"`, `"h2c://` + b + `"`, `<roundRobin, "http://` + a + `", "http://` + b + `">`, `"http://` + b + `"`,
	}[s.gen%4]
	var doc strings.Builder
	fmt.Fprintf(&doc, "gen: Path(\"/gen\") -> inlineContent(\"%d\") -> <shunt>;\n", s.gen)
	fmt.Fprintf(&doc, "ws: Path(\"/ws\") -> \"http://%s\";\n", s.backs[s.gen%2].address)
	fmt.Fprintf(&doc, "all: * -> setResponseHeader(\"X-Gen\", \"%d\") -> %s;\n", s.gen, to)
	for i := range s.gen % 7 {
		fmt.Fprintf(&doc, "other%d: Path(\"/other/%d\") -> \"http://127.0.0.1:1\";\n", i, s.gen)
	}
	certtest.WriteFile(s.t, s.routes, []byte(doc.String()))
}

// newBack replaces the older backend: first the routes, then the backend.
func (s *steadyTown) newBack() {
	b := startSteadyBack(s.t)
	s.mu.Lock()
	old := s.backs[0]
	s.backs = []*steadyBack{s.backs[1], b}
	s.mu.Unlock()
	s.newRoutes()
	s.mu.Lock()
	want := s.gen
	s.mu.Unlock()
	for _, f := range s.all() {
		eventually(s.t, "the routes are live", func() bool { return f.gen() >= want || !f.alive() })
	}
	<-time.After(100 * time.Millisecond) // for requests that have looked up their route
	old.end(s.t)
}

// gen is which routes an instance has, 0 if it does not say.
func (f *steadyFront) gen() (n int) {
	_, _ = fmt.Sscan(fetch("http://"+f.plain+"/gen"), &n)
	return n
}

// fetch returns the body of a 200.
func fetch(url string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b := make([]byte, 64)
	n, _ := resp.Body.Read(b)
	if resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(b[:n]) + " "
}

func (f *steadyFront) alive() bool {
	select {
	case err := <-f.ended:
		f.ended <- err
		return false
	default:
		return true
	}
}

func (s *steadyTown) all() []*steadyFront {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*steadyFront(nil), s.fronts...)
}

// start starts an instance and waits until it is ready.
func (s *steadyTown) start() *steadyFront {
	f := &steadyFront{
		secure: freeAddress(s.t), plain: freeAddress(s.t), support: freeAddress(s.t), log: &output{}, ended: make(chan error, 1),
	}
	f.cmd = exec.Command(s.program, append([]string{
		"proxy", "-address", f.secure, "-insecure-address", f.plain, "-support-listener", f.support, "-enable-h2c-server",
		"-tls-cert", s.cert, "-tls-key", s.key, "-tls-poll-interval", "20ms", "-routes-file", s.routes, "-source-poll-timeout", "10",
		"-wait-first-route-load", "-experimental-upgrade", "-wait-for-healthcheck-interval", "500ms", "-shutdown-timeout", "20s",
		"-access-log-disabled", "-suppress-route-update-logs", "-application-log-level", "WARN",
	}, s.flags...)...)
	f.cmd.Stdout, f.cmd.Stderr = f.log, f.log
	if err := f.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { f.ended <- f.cmd.Wait() }()
	s.t.Cleanup(func() {
		s.stop(f)
		if s.t.Failed() {
			s.t.Logf("%s says:\n%s", f.plain, f.log.end())
		}
	})
	eventually(s.t, "an instance is ready", func() bool {
		if !f.alive() {
			s.t.Fatalf("it ended: %s", f.log.end())
		}
		return fetch("http://"+f.support+"/readyz") != ""
	})
	s.mu.Lock()
	f.ready = true
	s.fronts = append(s.fronts, f)
	s.mu.Unlock()
	return f
}

// stop asks an instance to end and waits until it has.
func (s *steadyTown) stop(f *steadyFront) {
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	err := <-f.ended
	f.ended <- err
	if err != nil {
		s.t.Errorf("fairlead ended with %v", err)
	}
}

// balance watches who is ready, as a load balancer does, until ctx ends.
func (s *steadyTown) balance(ctx context.Context) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		for _, f := range s.all() {
			ready := f.alive() && fetch("http://"+f.support+"/readyz") != ""
			s.mu.Lock()
			f.ready = ready
			s.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// dial connects to an instance that is ready.
func (s *steadyTown) dial(ctx context.Context, secure bool) (net.Conn, error) {
	s.mu.Lock()
	address := ""
	for _, f := range s.fronts {
		if f.ready {
			if address = f.plain; secure {
				address = f.secure
			}
		}
	}
	s.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}
