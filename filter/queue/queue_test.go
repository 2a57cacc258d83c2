package queue

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// load returns how many have a turn of f's queue, and how many wait.
func load(f filter.Filter) [2]int {
	active, waiting := f.(*queue).line.Load()
	return [2]int{active, waiting}
}

func expect(t *testing.T, what string, f filter.Filter, active, waiting int) {
	t.Helper()
	if got := load(f); got != [2]int{active, waiting} {
		t.Errorf("%s: %d active, %d wait; want %d, %d", what, got[0], got[1], active, waiting)
	}
}

// TestPhases checks when a turn ends.
func TestPhases(t *testing.T) {
	for name, withBody := range map[string]bool{"fifo": false, "fifoWithBody": true, "lifo": false, "lifoWithBody": true, "lifoGroup": false, "lifoGroupWithBody": true} {
		args := []any{1, 0, "1s"}
		if strings.HasPrefix(name, "lifoGroup") {
			args = append([]any{"g"}, args...)
		}
		f := filtertest.Build(t, name, args...)
		x := filtertest.New(t)
		x.RunRequest(f)
		expect(t, name+" request", f, 1, 0)
		other := filtertest.New(t)
		other.Run(f)
		if h := other.Response.Header; other.Response.Status != 503 || other.Refused() != message.ReasonQueueFull || h.Get("Retry-After") != "1" {
			t.Errorf("%s: full: %d %s", name, other.Response.Status, other.Refused())
		}
		expect(t, name+" after a refused one", f, 1, 0)
		x.Response = &message.Response{Status: 200}
		x.RunResponse(f)
		held := 0
		if withBody {
			held = 1
		}
		expect(t, name+" response", f, held, 0)
		x.RunEnd(f)
		expect(t, name+" end", f, 0, 0)
		x.RunEnd(f)
		expect(t, name+" second end", f, 0, 0)
		if f.(filter.ErrorHandler).HandlesErrors() != true {
			t.Errorf("%s: does not see error responses", name)
		}
	}
}

// TestEndAlone checks the exchange whose response phase never ran.
func TestEndAlone(t *testing.T) {
	f := filtertest.Build(t, "lifo")
	x := filtertest.New(t)
	x.RunRequest(f)
	x.RunEnd(f)
	expect(t, "end", f, 0, 0)
}

func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := filtertest.Build(t, "fifo", 1, 3, "2s")
		first := filtertest.New(t)
		first.RunRequest(f)
		ctx, cancel := context.WithCancel(t.Context())
		gone := filtertest.New(t)
		gone.Done = ctx
		var all []*filtertest.Exchange
		var wg sync.WaitGroup
		for _, x := range []*filtertest.Exchange{gone, filtertest.New(t), filtertest.New(t)} {
			all = append(all, x)
			wg.Go(func() { x.RunRequest(f) })
			synctest.Wait()
		}
		expect(t, "three wait", f, 1, 3)
		cancel()
		synctest.Wait()
		expect(t, "a client went away", f, 1, 2)
		time.Sleep(time.Second)
		first.RunEnd(f)
		synctest.Wait()
		expect(t, "the first left", f, 1, 1)
		wg.Wait()
		if all[0].Refused() != message.ReasonClientGone || all[1].Served() || all[2].Refused() != message.ReasonQueueTimeout || all[2].Response.Status != 502 {
			t.Errorf("reasons %s, %s, %s", all[0].Refused(), all[1].Refused(), all[2].Refused())
		}
		for _, x := range all {
			x.RunEnd(f)
		}
		expect(t, "end", f, 0, 0)
	})
}

// TestLast checks that of several filters of one queue the last decides, and that
// one turn is taken.
func TestLast(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	all := []filter.Filter{
		filtertest.BuildEnv(t, env, "lifo", 2000, 20000, "3s"), filtertest.BuildEnv(t, env, "lifoWithBody", 1, 0, "1s"),
		filtertest.BuildEnv(t, env, "fifo", 5, 5, "1s"), filtertest.BuildEnv(t, env, "lifoGroup", "g", 7),
	}
	x := filtertest.New(t)
	x.RunRequest(all...)
	for i, f := range all {
		expect(t, "request", f, 1, 0)
		if want := []int{1, 1, 5, 7}[i]; f.(*queue).line.Settings().Active != want {
			t.Errorf("filter %d: %+v", i, f.(*queue).line.Settings())
		}
	}
	x.Response = &message.Response{Status: 200}
	x.RunResponse(all...)
	expect(t, "response", all[0], 1, 0)
	expect(t, "response", all[2], 0, 0)
	x.RunEnd(all...)
	for _, f := range all {
		expect(t, "end", f, 0, 0)
	}
}

// TestUpdate checks that a queue outlives the filters of its route, and when new
// settings apply.
func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := filter.NewEnv(nil, nil)
		before := filtertest.BuildEnv(t, env, "lifo", 1, 0, "1s")
		x := filtertest.New(t)
		x.RunRequest(before)
		after := filtertest.BuildEnv(t, env, "lifo", 2, 0, "1s")
		if got := after.(*queue).line.Settings().Active; got != 1 {
			t.Errorf("settings of a filter that served nobody hold: %d", got)
		}
		y := filtertest.New(t)
		y.RunRequest(after)
		expect(t, "both", after, 2, 0)
		late := filtertest.New(t)
		late.RunRequest(before) // matched with the old route
		if got := after.(*queue).line.Settings().Active; got != 2 || !late.Served() {
			t.Errorf("settings go back to %d", got)
		}
		_ = before.(filter.Closer).Close()
		x.RunEnd(before)
		_ = after.(filter.Closer).Close()
		time.Sleep(lingering / 2)
		again := filtertest.BuildEnv(t, env, "lifo")
		expect(t, "the route is back", again, 1, 0)
		y.RunEnd(after)
		expect(t, "end", again, 0, 0)
	})
}

func TestGroup(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	a := filtertest.BuildEnv(t, env, "lifoGroup", "g", 1, 0, "1s")
	b := filtertest.BuildEnv(t, env, "lifoGroup", "g")
	c := filtertest.BuildEnv(t, env, "lifoGroup", "h")
	x := filtertest.New(t)
	x.RunRequest(a)
	for f, want := range map[filter.Filter]bool{b: true, c: false} {
		y := filtertest.New(t)
		y.RunRequest(f)
		if y.Served() != want {
			t.Errorf("group of %v: served %v", f.(*queue).line.Settings(), y.Served())
		}
		y.RunEnd(f)
	}
	if got := c.(*queue).line.Settings(); got != standard() {
		t.Errorf("without bounds: %+v", got)
	}
	x.RunEnd(a)
}

// gauges is a filter.Metrics that keeps gauges.
type gauges struct {
	filter.Metrics
	all map[string]*gauge
}

type gauge struct{ v float64 }

func (g *gauge) Add(v float64) { g.v += v }
func (g *gauge) Set(v float64) { g.v = v }

func (g gauges) Gauge(key string) filter.Gauge {
	if g.all[key] == nil {
		g.all[key] = new(gauge)
	}
	return g.all[key]
}

func TestMetrics(t *testing.T) {
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-enable-route-lifo-metrics", "-enable-route-fifo-metrics"}); err != nil {
		t.Fatal(err)
	}
	env := filter.NewEnv(set, nil)
	m := gauges{env.Metrics, map[string]*gauge{}}
	env.Metrics = m
	all := []filter.Filter{
		filtertest.BuildEnv(t, env, "lifo"), filtertest.BuildEnv(t, env, "fifoWithBody", 1, 1, "1s"), filtertest.BuildEnv(t, env, "lifoGroup", "g"),
	}
	x := filtertest.New(t)
	x.RunRequest(all...)
	for _, want := range []float64{1, 0} {
		for _, key := range []string{"lifo.test.active", "fifo.test.active", "lifo.g.active"} {
			if g := m.all[key]; g == nil || g.v != want {
				t.Errorf("%s: %v, want %v", key, g, want)
			}
		}
		x.RunEnd(all...)
	}
	if len(m.all) != 6 {
		t.Errorf("gauges: %v", m.all)
	}
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		call []any
		want string
	}{
		{[]any{"fifo"}, "found 0 arguments"},
		{[]any{"fifo", 1, 1}, "found 2 arguments"},
		{[]any{"fifo", 0, 1, "1s"}, "argument 1 (concurrency)"},
		{[]any{"fifo", 1, -1, "1s"}, "argument 2 (queue)"},
		{[]any{"fifo", 1, 1, "0s"}, "argument 3 (timeout): found 0s"},
		{[]any{"lifo", "1"}, "argument 1 (concurrency)"},
		{[]any{"lifo", 1, 1.5}, "argument 2 (queue)"},
		{[]any{"lifo", 1, 1, "1"}, "argument 3 (timeout)"},
		{[]any{"lifo", 1, 1, "1s", 1}, "found 4 arguments"},
		{[]any{"lifoGroup"}, "found 0 arguments"},
		{[]any{"lifoGroup", 1}, "argument 1 (group)"},
		{[]any{"lifoGroup", "g", 1, 1, "-1s"}, "argument 4 (timeout)"},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, call := range [][]any{{"lifo"}, {"fifoWithBody", 1, 1, "1s"}} {
		f := filtertest.Build(t, call[0].(string), call[1:]...)
		x := filtertest.New(t)
		x.Response = &message.Response{Status: 200}
		if n := testing.AllocsPerRun(1000, func() { f.Request(x.Context); f.Response(x.Context); f.(filter.Ender).End(x.Context) }); n != 0 {
			t.Errorf("%v: %v allocations", call, n)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	for _, name := range []string{"lifo", "lifoWithBody"} {
		b.Run(name, func(b *testing.B) {
			f := filtertest.Build(b, name)
			x := filtertest.New(b)
			b.ReportAllocs()
			for b.Loop() {
				f.Request(x.Context)
				f.Response(x.Context)
				f.(filter.Ender).End(x.Context)
			}
		})
	}
}
