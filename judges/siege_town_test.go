package judges

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// town is Fairlead in a process of its own, a backend, and honest clients.
type town struct {
	t                      *testing.T
	secure, plain, support string
	log                    *output
	access                 string
	pid                    int
	ca                     *certtest.CA
	calm, peak             resources
	lines                  int
	clients                []*citizen
}

// resources are what a process holds.
type resources struct {
	memory      int64 // resident, in bytes
	descriptors int
}

// newTown starts one; args are options of Fairlead beside the usual ones.
func newTown(t *testing.T, file string, a attack) *town {
	t.Helper()
	dir := t.TempDir()
	w := &town{
		t: t, secure: freeAddress(t), plain: freeAddress(t), support: freeAddress(t),
		log: &output{}, access: filepath.Join(dir, "access.log"), ca: certtest.New(t, "siege"),
	}
	pair := w.ca.Server(t, "one.example")
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certtest.WriteFile(t, cert, pair.CertPEM)
	certtest.WriteFile(t, key, pair.KeyPEM)
	backend := newBackend(t)
	args := a.args
	if a.http3 {
		args = append(args, "-http3-address", w.secure)
	}
	cmd := exec.Command(file, append([]string{
		"proxy", "-address", w.secure, "-insecure-address", w.plain, "-support-listener", w.support, "-enable-profile",
		"-inline-routes", `all: * -> "http://` + backend + `"; own: Path("/own") -> inlineContent("here I am") -> <shunt>`, "-wait-for-healthcheck-interval", "0",
		"-tls-cert", cert, "-tls-key", key, "-access-log", w.access,
	}, args...)...)
	cmd.Stdout, cmd.Stderr = w.log, w.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.pid = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			t.Errorf("fairlead ended with %v", err)
		}
		late.Stop()
		if t.Failed() {
			t.Logf("fairlead says:\n%s", w.log.end())
		}
	})
	eventually(t, "fairlead is ready", func() bool {
		resp, err := http.Get("http://" + w.support + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	http.DefaultClient.CloseIdleConnections()
	w.settleIn(a.http3)
	w.calm = w.resources()
	return w
}

// newBackend answers with 100 bytes, and to /big with a megabyte.
func newBackend(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	small, big := []byte(strings.Repeat("x", 100)), make([]byte, 1<<20)
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/big" {
			_, _ = rw.Write(big)
			return
		}
		_, _ = rw.Write(small)
	})}
	var done sync.WaitGroup
	done.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() { _ = srv.Close(); done.Wait() })
	return ln.Addr().String()
}

// resources looks at what Fairlead holds now.
func (w *town) resources() resources {
	var r resources
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			r.memory = kb << 10
		}
	}
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.pid))
	if err != nil || r.memory == 0 {
		w.t.Fatalf("look at process %d: %v", w.pid, err)
	}
	r.descriptors = len(all)
	return r
}

// cpu is the processor time that Fairlead has used.
func (w *town) cpu() time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (w *town) accessLog() string {
	text, err := os.ReadFile(w.access)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *town) metrics() string {
	resp, err := http.Get("http://" + w.support + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	http.DefaultClient.CloseIdleConnections()
	return string(text)
}

// citizen is an honest client: it asks at a steady pace.
type citizen struct {
	kind  string
	pace  time.Duration
	ask   func(ctx context.Context) error
	leave func()
}

// settleIn brings the clients: two with HTTP/1, two with HTTP/2 over TLS, one that
// makes a new TLS connection each time.
func (w *town) settleIn(http3 bool) {
	config := &tls.Config{RootCAs: w.ca.Pool(), ServerName: "one.example"}
	for range 2 {
		w.clients = append(w.clients, w.plainCitizen(), w.h2Citizen(config))
	}
	w.clients = append(w.clients, w.newcomer(config))
	if http3 {
		w.clients = append(w.clients, w.h3Citizen(config))
	}
	w.t.Cleanup(func() {
		for _, c := range w.clients {
			c.leave()
		}
	})
}

const honestRequest = "POST / HTTP/1.1\r\nHost: one.example\r\nContent-Length: 4\r\n\r\nping"

// plainCitizen keeps an HTTP/1 connection, and repeats nothing.
func (w *town) plainCitizen() *citizen {
	var nc net.Conn
	var r *bufio.Reader
	leave := func() {
		if nc != nil {
			nc.Close()
		}
		nc = nil
	}
	return &citizen{kind: "HTTP/1", pace: 10 * time.Millisecond, leave: leave, ask: func(context.Context) (err error) {
		if nc == nil {
			if nc, err = net.Dial("tcp", w.plain); err != nil {
				return err
			}
			r = bufio.NewReader(nc)
		}
		if err = askOver(nc, r); err != nil {
			leave()
		}
		return err
	}}
}

// askOver sends a request and reads the answer.
func askOver(nc net.Conn, r *bufio.Reader) error {
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, honestRequest); err != nil {
		return err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	return goodAnswer(resp)
}

func goodAnswer(resp *http.Response) error {
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || n != 100) {
		err = fmt.Errorf("status %d, %d bytes", resp.StatusCode, n)
	}
	return err
}

// h2Citizen keeps an HTTP/2 connection. Its requests have a body that cannot be
// read twice, so that they are not repeated.
func (w *town) h2Citizen(config *tls.Config) *citizen {
	tr := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true}
	return &citizen{kind: "HTTP/2", pace: 10 * time.Millisecond, leave: tr.CloseIdleConnections, ask: func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.secure+"/", io.NopCloser(strings.NewReader("ping")))
		if err != nil {
			return err
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			return err
		}
		if resp.ProtoMajor != 2 {
			return errors.Join(errors.New("no HTTP/2"), goodAnswer(resp))
		}
		return goodAnswer(resp)
	}}
}

// newcomer makes a new TLS connection for each request.
func (w *town) newcomer(config *tls.Config) *citizen {
	return &citizen{kind: "new TLS", pace: 40 * time.Millisecond, leave: func() {}, ask: func(context.Context) error {
		nc, err := tls.Dial("tcp", w.secure, config)
		if err != nil {
			return err
		}
		defer nc.Close()
		return askOver(nc, bufio.NewReader(nc))
	}}
}

// delays are how long honest requests took, by kind of client.
type delays struct {
	mu     sync.Mutex
	took   map[string][]time.Duration
	failed []error
}

func (d *delays) note(kind string, took time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.took == nil {
		d.took = map[string][]time.Duration{}
	}
	d.took[kind] = append(d.took[kind], took)
	d.took[everybody] = append(d.took[everybody], took)
	if err != nil {
		d.failed = append(d.failed, fmt.Errorf("%s, after %v: %w", kind, took, err))
	}
}

func (d *delays) at(kind string, percent int) time.Duration {
	all := slices.Sorted(slices.Values(d.took[kind]))
	if len(all) == 0 {
		return 0
	}
	return all[min(len(all)*percent/100, len(all)-1)]
}

// everybody is the kind of client that all are.
const everybody = "all"

// against says what is wrong with the delays under attack; nothing: empty. The
// 99th percentile is that of all clients together, of whom the new connections
// are the slowest and the fewest; 90 of 100 must be well for each kind. Peace is
// the worse of its phases, war is all of its phases: what a busy machine does to
// peace it does to war.
func against(war, calm []*delays) string {
	all := together(war)
	for kind := range all.took {
		percent := 90
		if kind == everybody {
			percent = 99
		}
		var worst time.Duration
		for _, d := range calm {
			worst = max(worst, d.at(kind, percent))
		}
		if got, most := all.at(kind, percent), 2*worst+grain; got > most {
			return fmt.Sprintf("%s: percentile %d is %v under attack, expected at most %v", kind, percent, got, most)
		}
	}
	return ""
}

// together puts phases together.
func together(phases []*delays) *delays {
	sum := &delays{took: map[string][]time.Duration{}}
	for _, d := range phases {
		for kind, all := range d.took {
			sum.took[kind] = append(sum.took[kind], all...)
		}
	}
	return sum
}

// compare shows both.
func compare(war, calm []*delays) string {
	var all []string
	w, c := together(war), together(calm)
	for _, kind := range slices.Sorted(maps.Keys(w.took)) {
		text := kind
		for _, percent := range []int{50, 90, 99} {
			text += fmt.Sprintf(" p%d %v to %v", percent, c.at(kind, percent).Round(10*time.Microsecond), w.at(kind, percent).Round(10*time.Microsecond))
		}
		all = append(all, fmt.Sprintf("%s (%d)", text, len(w.took[kind])))
	}
	return strings.Join(all, "; ")
}

// measure lets the clients ask for a while, and until `until` is closed. An error
// of theirs fails the test.
func (w *town) measure(atLeast time.Duration, until <-chan struct{}) *delays {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	d := &delays{}
	var done sync.WaitGroup
	for _, c := range w.clients {
		done.Go(func() { c.live(ctx, d) })
	}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	end, over := time.Now().Add(atLeast), time.Now().Add(longest)
	for until != nil || time.Now().Before(end) {
		select {
		case <-look.C:
		case <-until:
			until = nil
		}
		now := w.resources()
		w.peak.memory = max(w.peak.memory, now.memory)
		w.peak.descriptors = max(w.peak.descriptors, now.descriptors)
		if time.Now().After(over) {
			w.t.Errorf("the attacker did not do in %v what it had to", longest)
			break
		}
	}
	cancel()
	done.Wait()
	if len(d.failed) > 0 {
		w.t.Errorf("%d honest requests failed, the first: %v", len(d.failed), d.failed[0])
	}
	return d
}

// live asks until ctx ends. The question that is under way then is not broken
// off.
func (c *citizen) live(ctx context.Context, d *delays) {
	tick := time.NewTicker(c.pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		err := c.ask(context.WithoutCancel(ctx))
		d.note(c.kind, time.Since(began), err)
	}
}
