package apptest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"

	"fairlead.dev/fairlead/app"
	"fairlead.dev/fairlead/kit/logtest"
	"fairlead.dev/fairlead/option"
)

// Instance is a proxy that runs as the command runs it.
type Instance struct {
	// Addr is where it takes requests and Support where it shows its state, both
	// as host:port.
	Addr, Support string
	// Log is the application log.
	Log *logtest.Buffer
}

// Start runs a proxy with the routes of an eskip document until the test ends.
func Start(t testing.TB, routes string, flags ...string) *Instance {
	t.Helper()
	set := option.NewSet()
	flags = append([]string{
		"-address=127.0.0.1:0", "-support-listener=127.0.0.1:0", "-access-log-disabled", "-shutdown-timeout=5s",
		"-wait-first-route-load", "-inline-routes=" + routes,
	}, flags...)
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	i := &Instance{Log: new(logtest.Buffer)}
	ctx, end := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Proxy(ctx, set, slog.New(slog.NewTextHandler(i.Log, nil))) }()
	t.Cleanup(func() {
		end(errors.New("interrupt signal received"))
		if err := <-done; err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
	})
	listens := func(what string) string {
		pattern := regexp.MustCompile(what + `"? address=(\S+)`)
		var found []string
		Eventually(t, what, func() bool {
			select {
			case err := <-done:
				done <- nil
				t.Fatalf("the proxy did not start: %v\n%s", err, i.Log)
			default:
			}
			found = pattern.FindStringSubmatch(i.Log.String())
			return found != nil
		})
		return found[1]
	}
	i.Addr, i.Support = listens("proxy listens"), listens("support listens")
	return i
}

// Backend runs an ordinary HTTP server until the test ends and returns its
// address, host:port.
func Backend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = srv.Close() // it was asked to
		<-done
	})
	return ln.Addr().String()
}

// Eventually waits until ok returns true; what says what is waited for.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen in time: %s", what)
		}
	}
}
