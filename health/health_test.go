package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// world is a monitor whose endpoints are well as long as well says so.
type world struct {
	*Monitor
	set   *backend.Set
	well  atomic.Bool
	asked atomic.Int32
	most  atomic.Int32 // checks at a time
	now   atomic.Int32
	stop  func()

	mu    sync.Mutex
	gauge map[string]bool
}

func (w *world) EndpointHealthy(address string, healthy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gauge[address] = healthy
}

func (w *world) EndpointGone(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.gauge, address)
}

func (w *world) shown() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.gauge)
}

// begin runs a monitor in the bubble of the test.
func begin(t *testing.T, flags ...string) *world {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	w := &world{set: new(backend.Set), gauge: map[string]bool{}}
	m, err := New(Config{Options: set, Endpoints: w.set, Gauge: w})
	if err != nil {
		t.Fatal(err)
	}
	w.Monitor = m
	m.ask = func(ctx context.Context, _ *backend.Endpoint, _ *backend.Check) error {
		w.asked.Add(1)
		n := w.now.Add(1)
		defer w.now.Add(-1)
		for most := w.most.Load(); n > most && !w.most.CompareAndSwap(most, n); most = w.most.Load() {
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if w.well.Load() {
			return nil
		}
		return errors.New("not well")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	w.stop = func() { cancel(); <-done }
	return w
}

func (w *world) endpoint(t *testing.T, address string) *backend.Endpoint {
	t.Helper()
	e, err := w.set.Acquire(address, "")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var (
	refused = filter.Outcome{Reason: message.ReasonDialFailed}
	fine    = filter.Outcome{Status: 200}
)

// after lets time pass.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLeaveAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		defer w.stop()
		e := w.endpoint(t, "http://a")
		for range 2 {
			w.Report(e, refused, 0)
		}
		w.Report(e, fine, 0)
		for range 2 {
			w.Report(e, refused, 0)
		}
		if e.Down() {
			t.Fatal("it left though it answered in between")
		}
		w.Report(e, refused, 0)
		if !e.Down() || w.shown() != "map[http://a:80:false]" {
			t.Fatalf("three failures in a row: down is %v, shown %s", e.Down(), w.shown())
		}
		after(2500 * time.Millisecond)
		if n := w.asked.Load(); n != 0 {
			t.Errorf("asked %d times at once", n)
		}
		after(time.Second)
		if n := w.asked.Load(); n != 1 || !e.Down() {
			t.Errorf("asked %d times, down is %v", n, e.Down())
		}
		w.well.Store(true)
		after(3500 * time.Millisecond)
		if e.Down() || w.shown() != "map[http://a:80:true]" {
			t.Errorf("it is well, and down: shown %s", w.shown())
		}
		n := w.asked.Load()
		after(time.Minute)
		if w.asked.Load() != n {
			t.Error("who is well is asked though no route wants it")
		}
	})
}

// TestLeaveWithinASecond: where requests are few, a second of nothing but failures is
// enough.
func TestLeaveWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "-health-check=failures=100")
		defer w.stop()
		e := w.endpoint(t, "http://a")
		w.Report(e, refused, 0)
		after(900 * time.Millisecond)
		w.Report(e, refused, 0)
		if e.Down() {
			t.Error("two failures within a second")
		}
		after(100 * time.Millisecond)
		w.Report(e, refused, 0)
		if !e.Down() {
			t.Error("it is still there after a second")
		}
	})
}

// TestComesAndGoes: who leaves again soon is on trial, and asked less often.
func TestComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		defer w.stop()
		w.well.Store(true)
		e := w.endpoint(t, "http://a")
		down := func() time.Duration {
			from := time.Now()
			for e.Down() {
				after(10 * time.Millisecond)
			}
			return time.Since(from)
		}
		for range 3 {
			w.Report(e, refused, 0)
		}
		for i, want := range []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second, 24 * time.Second, 48 * time.Second, time.Minute, time.Minute} {
			if got := down(); got < want*8/10 || got > want*12/10 {
				t.Errorf("time %d: away for %v, want about %v", i, got, want)
			}
			w.Report(e, refused, 0) // one is enough
		}
		down()
		w.Report(e, fine, 0)
		w.Report(e, refused, 0)
		if e.Down() {
			t.Error("one failure is enough though it has answered since")
		}
		after(2 * time.Minute)
		for range 3 {
			w.Report(e, refused, 0)
		}
		if got := down(); got > 4*time.Second {
			t.Errorf("away for %v: what was long ago still counts", got)
		}
	})
}

// TestVerdicts says what is a failure of the endpoint.
func TestVerdicts(t *testing.T) {
	m, err := New(Config{Endpoints: new(backend.Set)})
	if err != nil {
		t.Fatal(err)
	}
	picky, err := New(Config{Endpoints: new(backend.Set), Options: flagged(t, "-health-check=statuses=503")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		m      *Monitor
		o      filter.Outcome
		waited time.Duration
		want   verdict
	}{
		{m, fine, 0, success},
		{m, filter.Outcome{Status: 503}, 0, success},
		{picky, filter.Outcome{Status: 503}, 0, failure},
		{picky, filter.Outcome{Status: 500}, 0, success},
		{m, refused, 0, failure},
		{m, filter.Outcome{Reason: message.ReasonBackendClosed}, 0, failure},
		{m, filter.Outcome{Reason: message.ReasonBackendReset}, 0, failure},
		{m, filter.Outcome{Reason: message.ReasonTLSFailed}, 0, failure},
		{m, filter.Outcome{Reason: message.ReasonBackendTimeout}, 999 * time.Millisecond, nothing},
		{m, filter.Outcome{Reason: message.ReasonBackendTimeout}, time.Second, failure},
		{m, filter.Outcome{Reason: message.ReasonDialTimeout}, time.Millisecond, nothing},
		{m, filter.Outcome{Reason: message.ReasonClientGone}, time.Hour, nothing},
		{m, filter.Outcome{Reason: message.ReasonBodyCut}, time.Hour, nothing},
		{m, filter.Outcome{Reason: message.ReasonBackendBusy}, time.Hour, nothing},
		{m, filter.Outcome{Reason: message.ReasonFilterPanic}, time.Hour, nothing},
		{m, filter.Outcome{Reason: message.ReasonCircuitOpen, Refused: true}, time.Hour, nothing},
	} {
		if got := c.m.judge(c.o, c.waited); got != c.want {
			t.Errorf("%+v after %v: %d, want %d", c.o, c.waited, got, c.want)
		}
	}
}

func flagged(t testing.TB, flags ...string) *option.Set {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	return set
}

// TestRouteChecks: endpoints that a route has checked are asked all the time.
func TestRouteChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		defer w.stop()
		w.well.Store(true)
		e := w.endpoint(t, "http://a")
		c := &backend.Check{Interval: time.Second, Timeout: time.Second, Failures: 2, Successes: 3}
		e.AddCheck(c)
		after(20 * time.Second)
		if n := w.asked.Load(); n < 15 || n > 22 || w.shown() != "map[http://a:80:true]" {
			t.Errorf("asked %d times in 20 s, shown %s", n, w.shown())
		}
		checks := func(n int32) { // lets n more checks end
			for from := w.asked.Load(); w.asked.Load() < from+n; {
				after(5 * time.Millisecond)
			}
			after(2 * time.Millisecond)
		}
		w.well.Store(false)
		if checks(1); e.Down() {
			t.Error("one failure of two")
		}
		if checks(1); !e.Down() {
			t.Error("two failures")
		}
		w.well.Store(true)
		if checks(2); !e.Down() {
			t.Error("two successes of three")
		}
		if checks(1); e.Down() {
			t.Error("three successes")
		}
		e.RemoveCheck(c)
		after(3 * time.Second)
		n := w.asked.Load()
		after(time.Minute)
		if w.asked.Load() != n {
			t.Error("asked though nobody wants to know")
		}
	})
}

// TestForget: nobody is asked whom no route names.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		defer w.stop()
		e := w.endpoint(t, "http://a")
		for range 3 {
			w.Report(e, refused, 0)
		}
		if err := w.set.Release(e); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if n := w.asked.Load(); n != 0 || w.shown() != "map[]" || len(w.watched) != 0 {
			t.Errorf("asked %d times, shown %s, %d watched", n, w.shown(), len(w.watched))
		}
		w.Report(e, refused, 0) // a request that was under way
		after(time.Minute)
		if n := w.asked.Load(); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestBounds: few checks at a time, few endpoints watched.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		defer w.stop()
		var last *backend.Endpoint
		for i := range mostWatched + 10 {
			last = w.endpoint(t, fmt.Sprintf("http://a%d", i))
			for range 3 {
				w.Report(last, refused, 0)
			}
		}
		if last.Down() || len(w.watched) != mostWatched {
			t.Errorf("%d watched", len(w.watched))
		}
		after(5 * time.Second)
		if n := w.most.Load(); n > mostChecks || n < mostChecks/2 {
			t.Errorf("%d checks at a time", n)
		}
	})
}

func TestOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "-health-check=off")
		defer w.stop()
		e := w.endpoint(t, "http://a")
		e.AddCheck(&backend.Check{Interval: time.Second, Timeout: time.Second, Failures: 1})
		for range 100 {
			w.Report(e, refused, 0)
		}
		after(time.Minute)
		if e.Down() || w.asked.Load() != 0 || w.MostDown() != 0 {
			t.Errorf("down %v, asked %d times", e.Down(), w.asked.Load())
		}
	})
	var none *Monitor
	none.Report(new(backend.Endpoint), refused, 0)
	if none.MostDown() != 0 || none.MostDropped() != 0 {
		t.Error("no monitor has bounds")
	}
}

// TestPassive is -passive-health-check.
func TestPassive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "-health-check=off", "-passive-health-check=period=10s,min-requests=10,max-drop-probability=0.9,min-drop-probability=0.2")
		defer w.stop()
		e := w.endpoint(t, "http://a")
		for _, c := range []struct {
			good, bad    int
			drop, weight float64
		}{{5, 5, 0.5, 0.5}, {0, 9, 0, 1}, {0, 0, 0, 1}, {9, 1, 0, 0.9}, {8, 2, 0, 0.8}, {1, 19, 0.9, 0.1}, {0, 100, 0.9, 0.1}, {100, 0, 0, 1}} {
			for range c.good {
				w.Report(e, fine, 0)
			}
			for range c.bad {
				w.Report(e, refused, 0)
			}
			after(10 * time.Second)
			if d, n := e.Drop(), e.Weight(); d != c.drop || n < c.weight-1e-9 || n > c.weight+1e-9 {
				t.Errorf("%d good and %d bad: avoided by %v, weight %v; want %v, %v", c.good, c.bad, d, n, c.drop, c.weight)
			}
		}
		if w.MostDropped() != 1 || e.Down() {
			t.Errorf("bound %v, down %v", w.MostDropped(), e.Down())
		}
	})
}

func TestOptionErrors(t *testing.T) {
	for flag, want := range map[string]string{
		"-health-check=failures=0":                                              `option health-check: failures: found "0"`,
		"-health-check=on":                                                      `or "off"`,
		"-health-check=path=x":                                                  "expected a path",
		"-health-check=path=/x y":                                               "expected a path",
		"-health-check=max-down=2":                                              "max-down: found",
		"-passive-health-check=period=1s":                                       "max-drop-probability are needed",
		"-passive-health-check=period=x,min-requests=1":                         "period: found",
		"-passive-health-check=perod=1s":                                        `did you mean "period"?`,
		"-passive-health-check=period=1s,min-requests=1":                        "max-drop-probability is missing",
		"-passive-health-check=period=1s,min-requests=1,max-drop-probability=0": "must be less",
	} {
		_, err := New(Config{Options: flagged(t, flag), Endpoints: new(backend.Set)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", flag, err, want)
		}
	}
	if _, err := New(Config{Options: flagged(t, "-health-check=failures=5,path=/healthz?a=b"), Endpoints: new(backend.Set)}); err != nil {
		t.Error(err)
	}
}

func BenchmarkReport(b *testing.B) {
	for name, flags := range map[string][]string{"usual": nil, "passive": {"-passive-health-check=period=10s,min-requests=10,max-drop-probability=0.9"}} {
		b.Run(name, func(b *testing.B) {
			set := new(backend.Set)
			m, err := New(Config{Options: flagged(b, flags...), Endpoints: set})
			if err != nil {
				b.Fatal(err)
			}
			e, err := set.Acquire("http://a", "")
			if err != nil {
				b.Fatal(err)
			}
			m.Report(e, refused, 0)
			b.ReportAllocs()
			for b.Loop() {
				m.Report(e, fine, 0)
			}
		})
	}
}
