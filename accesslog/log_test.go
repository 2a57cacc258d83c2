package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/option"
)

// gate is a sink that can be shut.
type gate struct {
	mu   sync.Mutex // held while the gate is shut
	got  bytes.Buffer
	fail error
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		return 0, g.fail
	}
	return g.got.Write(p)
}

func (g *gate) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.String()
}

func (g *gate) setFail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = err
}

func TestLinesArriveInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		l := New(&g, Values{}, nil)
		e := full()
		l.Write(&e)
		l.Write(&e)
		synctest.Wait()
		if g.text() != "" {
			t.Error("lines are not collected")
		}
		time.Sleep(flushEvery + 1)
		synctest.Wait()
		if n := strings.Count(g.text(), "\n"); n != 2 {
			t.Errorf("after %s %d lines arrived, want 2", flushEvery, n)
		}
		l.Write(&e)
		l.stopped(t)
		if n := strings.Count(g.text(), "\n"); n != 3 {
			t.Errorf("after Close %d lines arrived, want 3", n)
		}
		l.Write(&e)
		if l.Dropped() != 1 || l.Close() != nil {
			t.Errorf("a line after Close: %d dropped", l.Dropped())
		}
	})
}

func TestFullBufferIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		l := New(&g, Values{}, nil)
		defer l.stopped(t)
		e := full()
		for n := len(l.line(nil, &e)); n <= flushAt+1000; n += len(l.line(nil, &e)) {
			l.Write(&e)
		}
		start := time.Now()
		synctest.Wait()
		if len(g.text()) < flushAt || time.Since(start) != 0 {
			t.Errorf("%d bytes arrived after %s", len(g.text()), time.Since(start))
		}
	})
}

// A sink that blocks delays nobody; what finds no room is counted.
func TestBlockedSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g blocked
		g.open = make(chan struct{})
		l := New(&g, Values{}, nil)
		e := full()
		const lines = 20_000
		for range lines {
			l.Write(&e)
		}
		synctest.Wait()
		if l.Dropped() == 0 || len(l.pending.text) > maxPending {
			t.Errorf("dropped %d, pending %d bytes", l.Dropped(), len(l.pending.text))
		}
		close(g.open)
		l.stopped(t)
		if got := uint64(strings.Count(g.got.String(), "\n")); got+l.Dropped() != lines {
			t.Errorf("%d lines arrived and %d were dropped, of %d", got, l.Dropped(), lines)
		}
	})
}

func TestCloseDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g blocked
		g.open = make(chan struct{})
		l := New(&g, Values{}, nil)
		e := full()
		l.Write(&e)
		if err := l.Close(); !errors.Is(err, errBlocked) || !strings.Contains(err.Error(), "takes nothing for 3s") {
			t.Errorf("error is %v", err)
		}
		close(g.open)
	})
}

// blocked is a sink that takes nothing until open is closed. A channel rather
// than a mutex: virtual time stands still while a goroutine waits for a mutex.
type blocked struct {
	open chan struct{}
	got  bytes.Buffer
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.open
	return b.got.Write(p)
}

func TestFailingSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var g gate
		g.setFail(errors.New("disk full"))
		l := New(&g, Values{}, slog.New(slog.NewTextHandler(&log, nil)))
		e := full()
		for range 2 {
			l.Write(&e)
			time.Sleep(flushEvery + 1)
			synctest.Wait()
		}
		g.setFail(nil)
		l.Write(&e)
		l.stopped(t)
		if strings.Count(log.String(), "disk full") != 1 || !strings.Contains(log.String(), "lost=2") || l.Dropped() != 2 {
			t.Errorf("dropped %d, log:\n%s", l.Dropped(), &log)
		}
		if n := strings.Count(g.text(), "\n"); n != 1 {
			t.Errorf("%d lines arrived, want 1", n)
		}
	})
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-access-log=" + path, "-access-log-json-enabled"}); err != nil {
		t.Fatal(err)
	}
	l, err := Open(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := full()
	l.Write(&e)
	l.stopped(t)
	got, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(got), `{"host":"192.0.2.7"`) {
		t.Errorf("file holds %q, %v", got, err)
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-access-log=" + t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(set, nil); err == nil || !strings.HasPrefix(err.Error(), "option -access-log: open ") {
		t.Errorf("error is %v", err)
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	s, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := start(s, path, Values{}, nil)
	e := full()
	e.Path = "/before"
	l.Write(&e)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice: the first may still wait to be used
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	e.Path = "/after"
	l.Write(&e)
	l.stopped(t)
	if err := l.Reopen(); err != nil {
		t.Errorf("Reopen after Close: %v", err)
	}
	both := ""
	for _, p := range []string{path + ".1", path} {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		both += string(text)
	}
	if strings.Count(both, "\n") != 2 || !strings.Contains(both, "/before") || !strings.Contains(both, "/after") {
		t.Errorf("both files together hold %q", both)
	}
	l.path = filepath.Join(path, "impossible")
	if err := l.Reopen(); err == nil || !strings.Contains(err.Error(), "reopen access log") {
		t.Errorf("error is %v", err)
	}
}

func TestConcurrentWrites(t *testing.T) {
	var g gate
	l := New(&g, Values{}, nil)
	var wg sync.WaitGroup
	const workers, lines = 4, 500
	for w := range workers {
		wg.Go(func() {
			e := full()
			for i := range lines {
				e.FlowID = fmt.Sprintf("flow-%d-%d", w, i)
				l.Write(&e)
			}
		})
	}
	wg.Wait()
	l.stopped(t)
	seen := map[string]bool{}
	for line := range strings.Lines(g.text()) {
		fields := strings.Fields(line)
		seen[fields[len(fields)-2]] = true
		if !combinedLine.MatchString(line) {
			t.Fatalf("line is out of shape: %q", line)
		}
	}
	if len(seen) != workers*lines || l.Dropped() != 0 {
		t.Errorf("%d lines arrived, %d dropped, want %d", len(seen), l.Dropped(), workers*lines)
	}
}

func TestNilLog(t *testing.T) {
	var l *Log
	l.Write(&Entry{})
	if l.Wanted(nil, 200) || l.Dropped() != 0 || l.Reopen() != nil || l.Close() != nil {
		t.Error("a nil log does something")
	}
}

func TestWriteAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool allocate")
	}
	l := New(io.Discard, Values{}, nil)
	defer l.stopped(t)
	e := full()
	for range 10_000 {
		l.Write(&e) // the buffers grow
	}
	if n := testing.AllocsPerRun(10_000, func() { l.Write(&e) }); n != 0 {
		t.Errorf("a line costs %v allocations", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, json := range []bool{false, true} {
		b.Run(map[bool]string{false: "combined", true: "json"}[json], func(b *testing.B) {
			l := New(io.Discard, Values{JSON: json}, nil)
			defer l.stopped(b)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				e := full()
				for pb.Next() {
					l.Write(&e)
				}
			})
			b.ReportMetric(float64(l.Dropped())/float64(b.N), "dropped/op")
		})
	}
}

// stopped closes l.
func (l *Log) stopped(t testing.TB) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
