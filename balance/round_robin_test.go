package balance

import (
	"testing"

	"fairlead.dev/fairlead/backend"
)

func TestRoundRobinInOrder(t *testing.T) {
	list := endpoints(4)
	a := algorithm(t, "roundRobin", list)
	at := map[*backend.Endpoint]int{}
	for i, e := range list {
		at[e] = i
	}
	last := at[a.Pick(&backend.Pick{})]
	for range 20 {
		next := at[a.Pick(&backend.Pick{})]
		if next != (last+1)%4 {
			t.Fatalf("%d follows %d", next, last)
		}
		last = next
	}
}

// Proxies that start together do not all begin with the same endpoint.
func TestRoundRobinStartsAnywhere(t *testing.T) {
	list := endpoints(4)
	first := map[*backend.Endpoint]int{}
	for range 2000 {
		first[algorithm(t, "roundRobin", list).Pick(&backend.Pick{})]++
	}
	even(t, first, list, 0.3)
}

// Health that leaves one endpoint in two does not double the load of some.
func TestRoundRobinSkipsEvenly(t *testing.T) {
	list := endpoints(8)
	a := algorithm(t, "roundRobin", list)
	for i := 0; i < 4; i++ {
		list[i].SetDown(true)
	}
	even(t, count(t, a, 8000), list[4:], 0.01)
}

func TestWeightedRoundRobinShares(t *testing.T) {
	list := endpoints(3)
	for i, w := range []float64{5, 1, 1} {
		list[i].SetWeight(w)
	}
	a := algorithm(t, "weightedRoundRobin", list)
	got := count(t, a, 7000)
	for i, want := range []int{5000, 1000, 1000} {
		if n := got[list[i]]; n < want-7 || n > want+7 {
			t.Errorf("endpoint %d was chosen %d times, want %d", i, n, want)
		}
	}
}

// The heavy endpoint does not get its share at a stretch: of any seven picks in
// a row each light one gets one.
func TestWeightedRoundRobinIsSmooth(t *testing.T) {
	list := endpoints(3)
	list[0].SetWeight(5)
	a := algorithm(t, "weightedRoundRobin", list)
	count(t, a, 70)
	for range 20 {
		got := count(t, a, 7)
		if got[list[1]] != 1 || got[list[2]] != 1 {
			t.Fatalf("seven picks: %d, %d, %d", got[list[0]], got[list[1]], got[list[2]])
		}
	}
	run, longest := 0, 0
	for range 700 {
		if run++; a.Pick(&backend.Pick{}) != list[0] {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest > 4 {
		t.Errorf("the heavy endpoint got %d picks in a row", longest)
	}
}

func TestWeightedRoundRobinFollowsWeights(t *testing.T) {
	list := endpoints(2)
	a := algorithm(t, "weightedRoundRobin", list)
	even(t, count(t, a, 1000), list, 0.01)
	list[1].SetWeight(0.25)
	if got := count(t, a, 1000); got[list[1]] < 195 || got[list[1]] > 205 {
		t.Errorf("a quarter of the weight got %d of 1000 picks, want 200", got[list[1]])
	}
}
