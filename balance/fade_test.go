package balance

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/backend"
)

// fadePick asks once, as a request of a route with fadeIn would.
func fadePick(a backend.Algorithm, list []*backend.Endpoint, i int, d time.Duration, exponent float64) *backend.Endpoint {
	p := keyed(i)
	p.FadeIn, p.Exponent, p.Among = d, exponent, list
	return a.Pick(p)
}

// TestFadeIn: the share of a new endpoint grows with its age, whatever the algorithm.
func TestFadeIn(t *testing.T) {
	const n = 6000
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		synctest.Test(t, func(t *testing.T) {
			list := endpoints(3)
			for _, e := range list[:2] {
				e.SetCreated(time.Now().Add(-time.Hour))
			}
			list[2].SetCreated(time.Now())
			a := d.New(list)
			full := share(a, list, n, 0, 1)
			for _, c := range []struct {
				age, fade time.Duration
				exponent  float64
				want      float64 // part of its full share
			}{
				{0, 0, 1, 1},
				{time.Second, 10 * time.Second, 1, 0.1},
				{5 * time.Second, 10 * time.Second, 1, 0.5},
				{5 * time.Second, 10 * time.Second, 2, 0.25},
				{9 * time.Second, 10 * time.Second, 1, 0.9},
				{10 * time.Second, 10 * time.Second, 1, 1},
				{time.Minute, 10 * time.Second, 1, 1},
			} {
				time.Sleep(c.age - time.Since(list[2].Created()))
				got := share(a, list, n, c.fade, c.exponent) / full
				if math.Abs(got-c.want) > 0.12 {
					t.Errorf("at %v of %v, exponent %v: %.2f of its share, want %.2f", c.age, c.fade, c.exponent, got, c.want)
				}
			}
		})
	})
}

// share returns which part of n requests the last endpoint gets.
func share(a backend.Algorithm, list []*backend.Endpoint, n int, d time.Duration, exponent float64) float64 {
	got := 0
	for i := range n {
		if fadePick(a, list, i, d, exponent) == list[len(list)-1] {
			got++
		}
	}
	return float64(got) / float64(n)
}

// TestFadeInAllNew: where all are new nobody is left out, and who is down is, new or
// not.
func TestFadeInAllNew(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		synctest.Test(t, func(t *testing.T) {
			list := endpoints(3)
			for _, e := range list {
				e.SetCreated(time.Now())
			}
			time.Sleep(time.Millisecond)
			list[0].SetDown(true)
			a := d.New(list)
			seen := map[*backend.Endpoint]int{}
			for i := range 600 {
				seen[fadePick(a, list, i, time.Hour, 1)]++
			}
			if seen[list[0]] != 0 || seen[list[1]] < 100 || seen[list[2]] < 100 || seen[nil] != 0 {
				t.Errorf("got %v, %v, %v", seen[list[0]], seen[list[1]], seen[list[2]])
			}
			list[1].SetCreated(time.Now().Add(time.Hour)) // a clock that is ahead
			if got := fadePick(a, list, 1, time.Hour, 1); got != list[1] {
				t.Error("an endpoint from the future is new for ever")
			}
		})
	})
}

// TestTooManyDown: above the bound health checks are ignored.
func TestTooManyDown(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		list := endpoints(4)
		a := d.New(list)
		pick := func(i int) *backend.Endpoint {
			p := keyed(i)
			p.Among, p.MostDown = list, 0.5
			return a.Pick(p)
		}
		list[0].SetDown(true)
		list[1].SetDown(true)
		seen := map[*backend.Endpoint]int{}
		for i := range 2000 {
			seen[pick(i)]++
		}
		if seen[list[0]]+seen[list[1]] != 0 {
			t.Errorf("two of four are down and got %d and %d", seen[list[0]], seen[list[1]])
		}
		list[2].SetDown(true)
		clear(seen)
		for i := range 4000 {
			seen[pick(i)]++
		}
		for i, e := range list {
			if seen[e] < 400 {
				t.Errorf("three of four are down, endpoint %d got %d of 4000", i, seen[e])
			}
		}
	})
}

// TestDrop: a part of the requests avoids an endpoint, and how many is counted.
func TestDrop(t *testing.T) {
	each(t, func(t *testing.T, d *backend.AlgorithmDef) {
		list := endpoints(3)
		a := d.New(list)
		list[0].SetDrop(0.75)
		got, dropped := 0, 0
		const n = 9000
		for i := range n {
			p := keyed(i)
			p.Among = list
			if a.Pick(p) == list[0] {
				got++
			}
			dropped += p.Dropped()
		}
		if share := float64(got) / (float64(n) / 3); share > 0.36 || share < 0.14 {
			t.Errorf("it got %.2f of its share, want 0.25", share)
		}
		if dropped == 0 {
			t.Error("nothing was counted")
		}
		list[1].SetDrop(1)
		list[2].SetDrop(1)
		p := keyed(1)
		p.Among, p.MostDropped = list, 0.5
		if a.Pick(p) == nil || p.Dropped() != 0 {
			t.Error("too many are avoided, and they are avoided")
		}
	})
}

// TestDropAndDown: the two do not touch each other.
func TestDropAndDown(t *testing.T) {
	var e backend.Endpoint
	e.SetDrop(0.5)
	e.SetDown(true)
	if !e.Down() || e.Drop() != 0.5 {
		t.Errorf("down %v, drop %v", e.Down(), e.Drop())
	}
	e.SetDrop(0)
	if !e.Down() || e.Drop() != 0 {
		t.Errorf("down %v, drop %v", e.Down(), e.Drop())
	}
	e.SetDrop(7)
	e.SetDown(false)
	if e.Down() || e.Drop() != 1 {
		t.Errorf("down %v, drop %v", e.Down(), e.Drop())
	}
	e.SetDrop(math.NaN())
	if e.Drop() != 0 {
		t.Errorf("drop %v", e.Drop())
	}
}
