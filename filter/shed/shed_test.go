package shed

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

func TestProbability(t *testing.T) {
	s := settings{slot: time.Second, window: 5, least: 10, threshold: 0.95, most: 0.9, exponent: 0.5}
	for _, tt := range []struct{ total, good, want float64 }{
		{0, 0, 0},
		{49, 0, 0}, // below 10 a second
		{50, 50, 0},
		{100, 95, 0},
		{100, 76, math.Sqrt(20.0 / 101)},
		{100, 38, math.Sqrt(60.0 / 101)},
		{1000, 0, 0.9},
	} {
		if got := s.probability(tt.total, tt.good); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%v of %v: %v, want %v", tt.good, tt.total, got, tt.want)
		}
	}
	linear := settings{slot: time.Second, window: 1, threshold: 1, most: 1, exponent: 1}
	if got := linear.probability(99, 49); got != 0.5 {
		t.Errorf("linear: %v", got)
	}
}

func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounts(settings{slot: time.Second, window: 3, threshold: 1, most: 1, exponent: 1})
		expect := func(what string, total, good int64) {
			t.Helper()
			c.probability()
			if c.sum != (pair{total, good}) {
				t.Errorf("%s: %+v, want %d of %d", what, c.sum, good, total)
			}
		}
		put := func(good, bad int) {
			for range good {
				c.add(true)
			}
			for range bad {
				c.add(false)
			}
		}
		put(3, 1)
		expect("the slot is not over", 0, 0)
		time.Sleep(time.Second)
		expect("first", 4, 3)
		put(1, 0)
		time.Sleep(2 * time.Second)
		expect("second and an empty one", 5, 4)
		put(0, 2)
		time.Sleep(time.Second)
		expect("the first is gone", 3, 1)
		time.Sleep(time.Hour)
		expect("all are gone", 0, 0)
		if p, fresh := c.probability(); p != 0 || fresh {
			t.Errorf("probability %v, fresh %v", p, fresh)
		}
		put(0, 5)
		time.Sleep(3 * time.Second)
		expect("in the last slot that counts", 5, 0)
		put(0, 5)
		time.Sleep(4 * time.Second)
		expect("gone while nobody came", 0, 0)
	})
}

// counter is a filter.Counter.
type counter struct{ n uint64 }

func (c *counter) Add(n uint64) { c.n += n }

type counters struct {
	filter.Metrics
	all map[string]*counter
}

func (m counters) Counter(key string) filter.Counter {
	if m.all[key] == nil {
		m.all[key] = new(counter)
	}
	return m.all[key]
}

// TestModes drives the filter with a backend that fails, and then with one that is
// well again.
func TestModes(t *testing.T) {
	for _, mode := range []string{"active", "inactive", "logInactive"} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			env := filter.NewEnv(nil, slog.New(slog.NewTextHandler(&log, nil)))
			m := counters{env.Metrics, map[string]*counter{}}
			env.Metrics = m
			f := filtertest.BuildEnv(t, env, "admissionControl", "s", mode, "100ms", 10, 10, 0.9, 0.8, 1)
			run := func(status int) (refused int) {
				for range 1000 {
					x := filtertest.New(t)
					x.Answer(status, "")
					x.Run(f)
					if !x.Forwarded {
						refused++
						if h := x.Response.Header; x.Response.Status != 503 || x.Refused() != message.ReasonOverload || h.Get("Admission-Control") != "true" {
							t.Fatalf("%d %s %v", x.Response.Status, x.Refused(), h.Fields())
						}
					}
					time.Sleep(time.Millisecond)
				}
				return refused
			}
			if n := run(200); n != 0 {
				t.Errorf("%s: %d refused while all is well", mode, n)
			}
			run(500)
			refused := run(500)
			if mode == "active" && (refused < 740 || refused > 860) || mode != "active" && refused > 0 {
				t.Errorf("%s: %d of 1000 refused while nothing works", mode, refused)
			}
			if n := m.all["shedder.admission_control.reject.s"].n; n < 800 {
				t.Errorf("%s: %d counted as refused", mode, n)
			}
			if n := m.all["shedder.admission_control.total.s"].n; n != 3000 {
				t.Errorf("%s: %d counted", mode, n)
			}
			run(200)
			if n := run(200); n > 0 {
				t.Errorf("%s: %d refused when all is well again", mode, n)
			}
			if lines := strings.Count(log.String(), "\n"); mode == "logInactive" && (lines < 3 || lines > 6) || mode != "logInactive" && lines > 0 {
				t.Errorf("%s: %d lines in the log", mode, lines)
			}
		})
	}
}

// TestCounted checks which responses count.
func TestCounted(t *testing.T) {
	f := filtertest.Build(t, "admissionControl", "s", "active", "1h", 1, 0, 1, 1, 1)
	for _, tt := range []struct {
		status int
		field  string
		want   pair
	}{{200, "", pair{1, 1}}, {404, "", pair{1, 1}}, {500, "", pair{1, 0}}, {499, "", pair{}}, {503, "Admission-Control", pair{}}} {
		x := filtertest.New(t)
		x.Answer(tt.status, "", tt.field, "true")
		x.Run(f)
		c := f.(*admission).counts
		if got := (pair{c.total.Swap(0), c.good.Swap(0)}); got != tt.want {
			t.Errorf("%d %s: %+v, want %+v", tt.status, tt.field, got, tt.want)
		}
	}
}

// TestSurvives checks that the counts of a route outlive its filter, and are not
// those of another route.
func TestSurvives(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	args := []any{"s", "active", "1s", 1, 0, 1, 1, 1}
	a := filtertest.BuildEnv(t, env, "admissionControl", args...).(*admission)
	_ = a.Close()
	args[1] = "inactive"
	b := filtertest.BuildEnv(t, env, "admissionControl", args...).(*admission)
	if a.counts != b.counts {
		t.Error("a new filter of the route begins anew")
	}
}

func TestWrong(t *testing.T) {
	good := []any{"s", "active", "1s", 5, 10, 0.95, 0.9, 0.5}
	for _, tt := range []struct {
		at   int
		arg  any
		want string
	}{
		{0, 1, "argument 1 (suffix)"}, {1, "on", "argument 2 (mode)"}, {2, "0s", "argument 3 (slot): found 0s"}, {2, "x", "argument 3 (slot)"},
		{3, 0, "argument 4 (window)"}, {3, 101, "argument 4 (window)"}, {4, -1, "argument 5 (min-rps)"},
		{5, 0, "argument 6 (success-threshold): found 0"}, {5, 1.1, "argument 6"}, {6, 2, "argument 7 (max-reject-probability)"},
		{7, 0, "argument 8 (exponent): found 0"}, {7, "1", "argument 8 (exponent)"},
	} {
		args := append([]any(nil), good...)
		args[tt.at] = tt.arg
		if err := filtertest.BuildError(t, "admissionControl", args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", args, err, tt.want)
		}
	}
	if err := filtertest.BuildError(t, "admissionControl", good[:7]...); !strings.Contains(err.Error(), "found 7 arguments") {
		t.Error(err)
	}
}

func TestAllocations(t *testing.T) {
	f := filtertest.Build(t, "admissionControl", "s", "active", "1s", 5, 10, 0.95, 0.9, 0.5)
	if n := filtertest.New(t).Allocs(f); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdmission(b *testing.B) {
	f := filtertest.Build(b, "admissionControl", "s", "active", "1s", 5, 10, 0.95, 0.9, 0.5)
	x := filtertest.New(b)
	x.Response = &message.Response{Status: 200}
	b.ReportAllocs()
	for b.Loop() {
		f.Request(x.Context)
		f.Response(x.Context)
	}
}
