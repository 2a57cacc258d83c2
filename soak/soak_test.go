package soak

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/apptest"
	"fairlead.dev/fairlead/kit/certtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// unfit are examples that cannot stand in the table as they are.
var unfit = map[string]string{}

// duration of the soak; FAIRLEAD_SOAK is that of `make soak`.
func duration(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("FAIRLEAD_SOAK")
	if text == "" {
		return 6 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("FAIRLEAD_SOAK: %v", err)
	}
	return d
}

// TestSoak checks that load on everything there is leaves nothing behind:
// goroutines, file descriptors and memory are the same after a fifth of the time
// and at the end.
func TestSoak(t *testing.T) {
	whole := duration(t)
	backend := serveQuietly(t)
	dir := t.TempDir()
	surround(t, dir)
	all, err := examples(backend, dir)
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(e example) bool { return unfit[e.of] != "" })
	file := filepath.Join(t.TempDir(), "routes.eskip")
	write := func(extra int) {
		var b strings.Builder
		for _, e := range all {
			b.WriteString(e.text + "\n")
		}
		fmt.Fprintf(&b, "rest: * -> setResponseHeader(\"X-Table\", \"%d\") -> \"http://%s\";\n", extra, backend)
		if err := os.WriteFile(file+".new", []byte(b.String()), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Error(err)
		}
	}
	write(0)
	p := apptest.Start(t, "", append([]string{
		"-routes-file=" + file, "-source-poll-timeout=200", "-enable-h2c-server",
		"-close-idle-conns-period=1s", "-idle-timeout-server=2s",
		"-credentials-paths=" + filepath.Join(dir, "secrets"), "-oauth2-tokeninfo-url=http://" + backend + "/tokeninfo",
		"-mtls-authn-ca=" + filepath.Join(dir, "ca.crt"),
		"-enable-oauth2-grant-flow", "-oauth2-auth-url=http://" + backend + "/auth", "-oauth2-token-url=http://" + backend + "/token",
		"-oauth2-client-id=id", "-oauth2-client-secret=secret",
	}, flags...)...)
	if log := p.Log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("routes that do not compile:\n%s", errorLines(log))
	}
	l := &load{addr: p.Addr, examples: all}
	phase := func(d time.Duration) usage {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			tick := time.NewTicker(d / 8)
			defer tick.Stop()
			for n := 1; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					write(n)
				}
			}
		})
		l.run(ctx, t, 16)
		wg.Wait()
		return rest(t)
	}
	before := phase(whole / 5)
	after := phase(whole * 4 / 5)
	t.Logf("before %+v, after %+v; answers by class, 0 is none: %s", before, after, l)
	if after.goroutines > before.goroutines+20 {
		t.Errorf("%d goroutines became %d", before.goroutines, after.goroutines)
	}
	if after.files > before.files+20 {
		t.Errorf("%d file descriptors became %d", before.files, after.files)
	}
	if after.heap > before.heap*3/2+8<<20 {
		t.Errorf("%d bytes of memory became %d", before.heap, after.heap)
	}
	if l.answered[2].Load() == 0 || l.answered[2].Load() < l.answered[0].Load() {
		t.Errorf("hardly anything was answered: %s", l)
	}
	if strings.Contains(p.Log.String(), "panic") {
		t.Errorf("something panicked:\n%s", errorLines(p.Log.String()))
	}
}

// surround writes the files that examples take for granted below /etc/fairlead.
func surround(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"htpasswd":          "me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", // password
		"secrets/api-token": "token", "secrets/api-key": "key", "secrets/proxy": "secret",
		"ca.crt": string(certtest.New(t, "ca").CertPEM),
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// flags are what filters need to be of use.
var flags []string

func (l *load) String() string {
	var b strings.Builder
	for class := range l.answered {
		fmt.Fprintf(&b, " %dxx:%d", class, l.answered[class].Load())
	}
	return b.String()
}

// usage is what a process holds.
type usage struct {
	goroutines, files int
	heap              uint64
}

// rest waits until what the load left behind has settled and measures.
func rest(t *testing.T) usage {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	least, since := 1<<30, time.Now()
	apptest.Eventually(t, "the proxy comes to rest", func() bool {
		if n := runtime.NumGoroutine(); n < least {
			least, since = n, time.Now()
		}
		return time.Since(since) > 3*time.Second
	})
	runtime.GC()
	runtime.GC() // what pools keep survives one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("file descriptors cannot be counted: %v", err)
	}
	return usage{least, len(files), m.HeapAlloc}
}

// serveQuietly runs the backend on both families of addresses that localhost has.
func serveQuietly(t *testing.T) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(serve))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv.Listener.Close()
	srv.Listener = ln
	srv.Config.IdleTimeout = 2 * time.Second
	srv.Start()
	t.Cleanup(srv.Close)
	return ln.Addr().String()
}

// errorLines returns the first lines that say what went wrong.
func errorLines(log string) string {
	var found []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=ERROR") && len(found) < 20 {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}
