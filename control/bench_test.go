package control_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/control"
	_ "fairlead.dev/fairlead/filter/header"
	"fairlead.dev/fairlead/option"
	_ "fairlead.dev/fairlead/predicate/host"
	_ "fairlead.dev/fairlead/predicate/path"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/source/file"
	"fairlead.dev/fairlead/table"
)

const many = 100_000

// manyRoutes is a document like those of a big cluster: each route with a host,
// a path, two filters and two endpoints, every endpoint in ten routes.
func manyRoutes(n int) string {
	var b strings.Builder
	for i := range n {
		e := i / 10
		fmt.Fprintf(&b, `kube_default__app_%d__app_%d_example_org____app_%d: Host("^(app-%d[.]example[.]org[.]?(:[0-9]+)?)$") && PathSubtree("/") `+
			`-> setRequestHeader("X-App", "app-%d") -> setResponseHeader("X-Served-By", "fairlead") `+
			`-> <roundRobin, "http://10.%d.%d.1:8080", "http://10.%d.%d.2:8080">;`+"\n",
			i, i, i, i, i, e/250, e%250, e/250, e%250)
	}
	return b.String()
}

// loaded is a loop over a file with many routes.
type loaded struct {
	*control.Loop
	path  string
	table *table.Table
}

func newLoaded(tb testing.TB, path string) *loaded {
	tb.Helper()
	options := option.NewSet()
	file.Options.From(options).Files = []string{path}
	sources, err := control.Open(&source.Env{Options: options})
	if err != nil {
		tb.Fatal(err)
	}
	compiler, err := route.New(options, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	l := &loaded{path: path}
	l.Loop = control.New(control.Config{Sources: sources, Compiler: compiler, Publish: func(t *table.Table) { l.table = t }})
	return l
}

func (l *loaded) runOnce(tb testing.TB, want int) {
	tb.Helper()
	if err := l.RunOnce(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for _, p := range l.Status().Invalid[:min(3, len(l.Status().Invalid))] {
		tb.Error(p.Err)
	}
	if got := l.table.Len(); got != want {
		tb.Fatalf("%d routes, want %d", got, want)
	}
}

// writeOld writes a file that looks as if nobody had touched it lately, so that
// nobody waits for its writer.
func writeOld(tb testing.TB, path, text string, age time.Duration) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	stamp := time.Now().Add(-age)
	if err := os.Chtimes(path, stamp, stamp); err != nil {
		tb.Fatal(err)
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident returns a field of /proc/self/status in MB.
func resident(field string) float64 {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			var kb float64
			_, _ = fmt.Sscan(rest, &kb)
			return kb / 1024
		}
	}
	return 0
}

// BenchmarkLoad reads, parses and compiles 100,000 routes. peak-MB is that of
// the whole process.
func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(b.TempDir(), "routes.eskip")
	writeOld(b, path, manyRoutes(many), time.Hour)
	runtime.GC()
	b.ReportAllocs()
	start := cpu()
	var l *loaded
	for b.Loop() {
		if l != nil {
			l.Close()
		}
		l = newLoaded(b, path)
		l.runOnce(b, many)
	}
	b.ReportMetric((cpu()-start).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(resident("VmHWM"), "peak-MB")
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "live-MB")
	runtime.KeepAlive(l)
}

// BenchmarkChange changes one route among 100,000.
func BenchmarkChange(b *testing.B) {
	path := filepath.Join(b.TempDir(), "routes.eskip")
	text := manyRoutes(many)
	texts := [...]string{text, strings.Replace(text, "app-50000\"", "app-fifty\"", 1)}
	writeOld(b, path, text, time.Hour)
	l := newLoaded(b, path)
	l.runOnce(b, many)
	b.ReportAllocs()
	var used time.Duration
	i := 0
	for b.Loop() {
		b.StopTimer()
		i++
		writeOld(b, path, texts[i%2], time.Hour+time.Duration(i)*time.Second)
		b.StartTimer()
		start := cpu()
		l.runOnce(b, many)
		used += cpu() - start
	}
	b.ReportMetric(used.Seconds()*1000/float64(i), "cpu-ms/op")
	if g := l.Status().Generation; g < uint64(i) {
		b.Errorf("%d generations after %d changes", g, i)
	}
}

// BenchmarkUnchanged looks at a file that did not change.
func BenchmarkUnchanged(b *testing.B) {
	path := filepath.Join(b.TempDir(), "routes.eskip")
	writeOld(b, path, manyRoutes(1000), time.Hour)
	l := newLoaded(b, path)
	l.runOnce(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		l.runOnce(b, 1000)
	}
}
