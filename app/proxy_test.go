package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/kit/logtest"
	"fairlead.dev/fairlead/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// instance is a proxy that runs as the command runs it.
type instance struct {
	t              *testing.T
	proxy, support string
	insecure       string // of -insecure-address
	packets        string // of -http3-address
	log            *logtest.Buffer
	end            context.CancelCauseFunc
	done           chan error
}

func run(t *testing.T, flags ...string) *instance {
	t.Helper()
	set := option.NewSet()
	flags = append([]string{"-address=127.0.0.1:0", "-support-listener=127.0.0.1:0", "-access-log-disabled"}, flags...)
	inline, others := false, false
	for _, f := range flags {
		inline = inline || strings.HasPrefix(f, "-inline-routes")
		others = others || strings.HasPrefix(f, "-routes-")
	}
	if inline && !others { // which always load: no test comes before them
		flags = append(flags, "-wait-first-route-load")
	}
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, log: new(logtest.Buffer), done: make(chan error, 1)}
	ctx, end := context.WithCancelCause(context.Background())
	i.end = end
	ready := make(chan struct{})
	go func() {
		i.done <- Run(ctx, Config{Options: set, Log: slog.New(slog.NewTextHandler(i.log, nil)), Ready: func(at Listening) error {
			i.proxy, i.support = "http://"+at.Doors[0].Socket.Addr().String(), "http://"+at.Support.String()
			for _, d := range at.Doors {
				if d.Packets != nil {
					i.packets = d.Packets.LocalAddr().String()
				} else {
					i.insecure = d.Socket.Addr().String()
				}
			}
			close(ready)
			return nil
		}})
	}()
	t.Cleanup(func() {
		end(errors.New("interrupt signal received"))
		if err := <-i.done; err != nil {
			t.Errorf("ended with %v", err)
		}
		i.done <- nil
	})
	select {
	case <-ready:
	case err := <-i.done:
		i.done <- nil
		t.Fatalf("did not start: %v", err)
	}
	return i
}

func (i *instance) get(url string) (int, string) {
	i.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := c.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (i *instance) eventually(what string, ok func() bool) {
	i.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			i.t.Fatalf("it did not happen in time: %s\n%s", what, i.log)
		}
	}
}

// TestBrokenEdit checks a route file through good and bad edits, with the real
// file source, control loop and support listener.
func TestBrokenEdit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.eskip")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`a: Path("/a") -> inlineContent("one") -> <shunt>; b: Path("/b") -> inlineContent("b") -> <shunt>;`)
	i := run(t, "-routes-file="+file, "-source-poll-timeout=20", "-wait-first-route-load")
	body := func(path string) string { _, b := i.get(i.proxy + path); return b }
	if got := body("/a"); got != "one" {
		t.Fatalf("got %q", got)
	}
	write(`a: Path("/a") -> inlineContent("two") -> <shunt>; b: Path("/b") -> inlineContent("b") -> <shunt>;`)
	i.eventually("the edit is live", func() bool { return body("/a") == "two" })
	write("a: Path(\"/a\") -> inlineContnt(\"three\") -> <shunt>;\nb: Path(\"/b\") -> inlineContent(\"b2\") -> <shunt>;")
	i.eventually("the good half is live", func() bool { return body("/b") == "b2" })
	if got := body("/a"); got != "two" {
		t.Errorf("the route that was broken serves %q, want the last good one", got)
	}
	_, invalid := i.get(i.support + "/routes?invalid=true")
	if !strings.Contains(invalid, "routes.eskip:1:") || !strings.Contains(invalid, "inlineContent") {
		t.Errorf("invalid routes: %q", invalid)
	}
	if _, text := i.get(i.support + "/metrics"); !strings.Contains(text, `skipper_route_invalid{reason="unknown_filter",route_id="a"} 1`) {
		t.Error("the metric does not tell of the invalid route")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	i.eventually("the missing file is reported", func() bool { return strings.Contains(i.log.String(), "no such file") })
	if got := body("/b"); got != "b2" {
		t.Errorf("without the file it serves %q", got)
	}
}

// TestLeaving checks the end after a SIGTERM: health goes down first, requests
// are served on, and then it ends.
func TestLeaving(t *testing.T) {
	i := run(t, "-wait-for-healthcheck-interval=400ms", "-wait-first-route-load", "-inline-routes",
		`up: Path("/healthz") -> status(200) -> <shunt>;
		 down: Path("/healthz") && Shutdown() -> status(503) -> <shunt>;
		 r: * -> inlineContent("ok") -> <shunt>;`)
	if code, _ := i.get(i.proxy + "/healthz"); code != 200 {
		t.Fatalf("healthz: %d", code)
	}
	if code, _ := i.get(i.support + "/readyz"); code != 200 {
		t.Fatalf("readyz: %d", code)
	}
	i.end(errors.New("terminated signal received"))
	i.eventually("health is down", func() bool { code, _ := i.get(i.proxy + "/healthz"); return code == 503 })
	if code, _ := i.get(i.support + "/readyz"); code != 503 {
		t.Errorf("readyz: %d", code)
	}
	if code, text := i.get(i.proxy + "/"); code != 200 || text != "ok" {
		t.Errorf("while leaving: %d %q", code, text)
	}
	if err := <-i.done; err != nil {
		t.Errorf("ended with %v", err)
	}
	i.done <- nil
	if code, _ := i.get(i.proxy + "/"); code != 0 {
		t.Errorf("still listening: %d", code)
	}
}

// TestPortInUse checks that the error says which address, and what to do.
func TestPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, flag := range []string{"-address", "-support-listener"} {
		set := option.NewSet()
		flags := []string{"-address=127.0.0.1:0", "-support-listener=127.0.0.1:0", flag + "=" + ln.Addr().String()}
		if _, _, err := set.ApplyFlags(flags); err != nil {
			t.Fatal(err)
		}
		err := Proxy(t.Context(), set, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), ln.Addr().String()) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// TestSeedDefaults checks the default filters of the deployment that users have.
func TestSeedDefaults(t *testing.T) {
	i := run(t, "-wait-first-route-load", `-default-filters-prepend=enableAccessLog(4,5) -> lifo(2000,20000,"3s")`,
		"-enable-route-lifo-metrics", "-inline-routes", `r: * -> inlineContent("ok") -> <shunt>`)
	if code, text := i.get(i.proxy + "/"); code != 200 || text != "ok" {
		t.Errorf("got %d %q", code, text)
	}
	if strings.Contains(i.log.String(), "lifo") {
		t.Errorf("somebody complains:\n%s", i.log)
	}
	if _, text := i.get(i.support + "/metrics"); !strings.Contains(text, `{key="lifo.r.active"} 0`) || !strings.Contains(text, `{key="lifo.r.queued"} 0`) {
		t.Error("the metrics do not have the queue")
	}
}

// TestManySources checks that sources are merged and a broken one harms no
// other.
func TestManySources(t *testing.T) {
	srv := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `remote: Path("/remote") -> inlineContent("remote") -> <shunt>`)
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	defer func() { srv.Close(); <-done }()
	i := run(t, "-routes-file="+filepath.Join(t.TempDir(), "missing.eskip"), "-routes-urls=http://"+ln.Addr().String()+"/routes",
		"-inline-routes", `inline: Path("/inline") -> inlineContent("inline") -> <shunt>`, "-source-poll-timeout=50")
	for _, name := range []string{"remote", "inline"} {
		i.eventually(name, func() bool { _, text := i.get(i.proxy + "/" + name); return text == name })
	}
}
