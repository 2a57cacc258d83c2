package balance

import (
	"testing"

	"fairlead.dev/fairlead/backend"
)

func begin(e *backend.Endpoint, n int) {
	for range n {
		e.Begin()
	}
}

func TestLeastRequests(t *testing.T) {
	list := endpoints(5)
	a := algorithm(t, "leastRequests", list)
	for i, n := range []int{3, 1, 2, 1, 5} {
		begin(list[i], n)
	}
	even(t, count(t, a, 4000), []*backend.Endpoint{list[1], list[3]}, 0.15)
	list[1].SetDown(true)
	even(t, count(t, a, 100), list[3:4], 0)
	even(t, count(t, a, 100, list[3]), list[2:3], 0)
}

func TestLeastRequestsWeighs(t *testing.T) {
	list := endpoints(2)
	a := algorithm(t, "leastRequests", list)
	list[0].SetWeight(3)
	even(t, count(t, a, 100), list[:1], 0)
	for range 40 {
		a.Pick(&backend.Pick{}).Begin()
	}
	if n, m := list[0].Inflight(), list[1].Inflight(); n < 29 || n > 31 || n+m != 40 {
		t.Errorf("in flight: %d and %d, want 30 and 10", n, m)
	}
}

// Requests that never end pile up evenly.
func TestLeastRequestsLevels(t *testing.T) {
	list := endpoints(7)
	a := algorithm(t, "leastRequests", list)
	for range 70 {
		a.Pick(&backend.Pick{}).Begin()
	}
	for i, e := range list {
		if e.Inflight() != 10 {
			t.Errorf("endpoint %d has %d requests, want 10", i, e.Inflight())
		}
	}
}

// Of two the busier one is never chosen, of many the busiest one never.
func TestRandomChoices(t *testing.T) {
	list := endpoints(2)
	begin(list[0], 1)
	even(t, count(t, algorithm(t, "powerOfRandomNChoices", list), 1000), list[1:], 0)

	list = endpoints(10)
	begin(list[7], 100)
	if got := count(t, algorithm(t, "powerOfRandomNChoices", list), 10000); got[list[7]] != 0 || len(got) != 9 {
		t.Errorf("the busiest was chosen %d times, of %d endpoints", got[list[7]], len(got))
	}
}

func TestRandomChoicesWeighs(t *testing.T) {
	list := endpoints(2)
	begin(list[0], 2)
	begin(list[1], 1)
	list[0].SetWeight(4)
	even(t, count(t, algorithm(t, "powerOfRandomNChoices", list), 100), list[:1], 0)
}

// With two choices requests that never end pile up far more evenly than by
// chance alone.
func TestRandomChoicesLevels(t *testing.T) {
	list := endpoints(100)
	a := algorithm(t, "powerOfRandomNChoices", list)
	for range 10000 {
		a.Pick(&backend.Pick{}).Begin()
	}
	for i, e := range list {
		if n := e.Inflight(); n < 90 || n > 110 {
			t.Errorf("endpoint %d has %d requests, want about 100", i, n)
		}
	}
}
