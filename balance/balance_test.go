package balance

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/message"
)

// endpoints returns n endpoints with addresses of their own.
func endpoints(n int) []*backend.Endpoint {
	list := make([]*backend.Endpoint, n)
	for i := range list {
		list[i] = &backend.Endpoint{Scheme: "http", Address: "10.0." + strconv.Itoa(i/250) + "." + strconv.Itoa(i%250) + ":80"}
	}
	return list
}

func algorithm(t testing.TB, name string, list []*backend.Endpoint) backend.Algorithm {
	t.Helper()
	d := backend.LookupAlgorithm(name)
	if d == nil {
		t.Fatalf("no algorithm %q", name)
	}
	return d.New(list)
}

// each runs a test with every algorithm.
func each(t *testing.T, test func(t *testing.T, d *backend.AlgorithmDef)) {
	for _, d := range backend.Algorithms() {
		t.Run(d.Name, func(t *testing.T) { test(t, d) })
	}
}

// keyed returns a pick whose key is i.
func keyed(i int) *backend.Pick { return &backend.Pick{Key: "key-" + strconv.Itoa(i)} }

// count asks n times, with n keys, and counts the answers.
func count(t testing.TB, a backend.Algorithm, n int, tried ...*backend.Endpoint) map[*backend.Endpoint]int {
	t.Helper()
	got := map[*backend.Endpoint]int{}
	for i := range n {
		p := keyed(i)
		p.Tried = tried
		got[a.Pick(p)]++
	}
	return got
}

// even checks that every one of list was chosen about as often.
func even(t *testing.T, got map[*backend.Endpoint]int, list []*backend.Endpoint, tolerance float64) {
	t.Helper()
	total := 0
	for _, n := range got {
		total += n
	}
	want := float64(total) / float64(len(list))
	for i, e := range list {
		if n := float64(got[e]); n < want*(1-tolerance) || n > want*(1+tolerance) {
			t.Errorf("endpoint %d was chosen %v times, want about %v", i, n, want)
		}
	}
	if len(got) != len(list) {
		t.Errorf("%d endpoints were chosen, want %d", len(got), len(list))
	}
}

func TestNames(t *testing.T) {
	var names []string
	for _, d := range backend.Algorithms() {
		names = append(names, d.Name)
		if d.Doc == "" {
			t.Errorf("%s has no doc", d.Name)
		}
	}
	want := []string{"consistentHash", "leastRequests", "powerOfRandomNChoices", "random", "roundRobin", "weightedRoundRobin"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}

func TestOneEndpoint(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		list := endpoints(1)
		a := d.New(list)
		for range 3 {
			if got := a.Pick(&backend.Pick{}); got != list[0] {
				t.Fatalf("got %v", got)
			}
		}
		if got := a.Pick(&backend.Pick{Tried: list}); got != nil {
			t.Errorf("picked %q, which was tried", got.Address)
		}
		list[0].SetDown(true)
		if got := a.Pick(&backend.Pick{}); got != list[0] {
			t.Errorf("nothing is picked when all are down")
		}
	})
}

// Every endpoint gets its share, whatever the keys are.
func TestDistribution(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		list := endpoints(10)
		tolerance := 0.15
		if d.Name == "consistentHash" {
			tolerance = 0.35 // a hundred points an endpoint are no more even
		}
		even(t, count(t, d.New(list), 20000), list, tolerance)
	})
}

// What an endpoint that is down does not get goes to all others.
func TestDownSpreads(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		list := endpoints(10)
		a := d.New(list)
		list[3].SetDown(true)
		list[4].SetDown(true)
		tolerance := 0.15
		if d.Name == "consistentHash" {
			tolerance = 0.4
		}
		even(t, count(t, a, 20000), slices.Concat(list[:3], list[5:]), tolerance)
		list[3].SetDown(false)
		if got := count(t, a, 20000); got[list[3]] == 0 || got[list[4]] != 0 {
			t.Errorf("up again: %d times, down: %d times", got[list[3]], got[list[4]])
		}
	})
}

// Attempt after attempt every endpoint is tried once, usable ones first; then
// there is none left.
func TestTried(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		for _, down := range []int{0, 2, 5} {
			t.Run(fmt.Sprintf("%d down", down), func(t *testing.T) {
				list := endpoints(5)
				a := d.New(list)
				for _, e := range list[:down] {
					e.SetDown(true)
				}
				for run := range 20 {
					exhaust(t, a, list, down, run)
				}
			})
		}
	})
}

func exhaust(t *testing.T, a backend.Algorithm, list []*backend.Endpoint, down, run int) {
	t.Helper()
	p := keyed(run)
	for i := range list {
		e := a.Pick(p)
		if e == nil || p.WasTried(e) {
			t.Fatalf("attempt %d picked %v", i+1, e)
		}
		if e.Down() && i < len(list)-down {
			t.Fatalf("attempt %d picked an endpoint that is down", i+1)
		}
		p.Tried = append(p.Tried, e)
	}
	if e := a.Pick(p); e != nil {
		t.Fatalf("picked %q after all were tried", e.Address)
	}
}

// A route may name an endpoint twice, or one address in two zones.
func TestDuplicates(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		x, y := endpoints(2)[0], endpoints(2)[1]
		z := &backend.Endpoint{Scheme: "http", Address: x.Address, Zone: "z"}
		list := []*backend.Endpoint{x, x, y, z}
		a := d.New(list)
		p := keyed(1)
		for range 3 {
			e := a.Pick(p)
			if e == nil || p.WasTried(e) {
				t.Fatalf("picked %v after %d", e, len(p.Tried))
			}
			p.Tried = append(p.Tried, e)
		}
		if e := a.Pick(p); e != nil {
			t.Fatalf("picked %q after all were tried", e.Address)
		}
	})
}

func TestPickAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		list := endpoints(20)
		a := d.New(list)
		req := &message.Request{Remote: netip.MustParseAddrPort("[2001:db8::1]:80")}
		for _, e := range list[:15] {
			e.SetDown(true)
			e.Begin()
		}
		p := &backend.Pick{Request: req, Balance: 1.25, Tried: list[15:17]}
		if n := testing.AllocsPerRun(100, func() {
			if a.Pick(p) == nil {
				t.Fatal("nothing picked")
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// Requests come and go while health changes.
func TestConcurrent(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		list := endpoints(5)
		a := d.New(list)
		var done atomic.Bool
		var health, wg sync.WaitGroup
		health.Go(func() {
			for i := 0; !done.Load(); i++ {
				list[i%5].SetDown(i%3 == 0)
				list[i%5].SetWeight(float64(i % 7))
			}
		})
		for g := range 4 {
			wg.Go(func() {
				for i := range 2000 {
					p := keyed(g + i)
					p.Balance = float64(i % 2)
					e := a.Pick(p)
					if e == nil {
						t.Error("nothing picked")
						return
					}
					e.Begin()
					p.Tried = []*backend.Endpoint{e}
					if other := a.Pick(p); other == nil || other == e {
						t.Errorf("the second attempt goes to %v", other)
					}
					e.End()
				}
			})
		}
		wg.Wait()
		done.Store(true)
		health.Wait()
		for _, e := range list {
			if e.Inflight() != 0 {
				t.Errorf("%d requests left", e.Inflight())
			}
		}
	})
}

func BenchmarkPick(b *testing.B) {
	for _, d := range backend.Algorithms() {
		for _, n := range []int{3, 100} {
			b.Run(d.Name+"/"+strconv.Itoa(n), func(b *testing.B) {
				a := d.New(endpoints(n))
				req := &message.Request{Remote: netip.MustParseAddrPort("10.1.2.3:4567")}
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					p := &backend.Pick{Request: req}
					for pb.Next() {
						a.Pick(p)
					}
				})
			})
		}
	}
}
