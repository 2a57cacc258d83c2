package balance

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/message"
)

const keys = 10000

// placed returns where each key goes.
func placed(a backend.Algorithm, tried ...*backend.Endpoint) []*backend.Endpoint {
	got := make([]*backend.Endpoint, keys)
	for i := range got {
		p := keyed(i)
		p.Tried = tried
		got[i] = a.Pick(p)
	}
	return got
}

func TestHashIsStable(t *testing.T) {
	list := endpoints(10)
	a := algorithm(t, "consistentHash", list)
	before := placed(a)
	if !slices.Equal(before, placed(a)) {
		t.Error("the same key went elsewhere")
	}
	shuffled := slices.Clone(list)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if !slices.Equal(before, placed(algorithm(t, "consistentHash", shuffled))) {
		t.Error("the order of the endpoints matters")
	}
}

// When an endpoint comes, a key stays or goes to the new one, and only its share
// goes.
func TestHashMovesLittle(t *testing.T) {
	list := endpoints(11)
	before := placed(algorithm(t, "consistentHash", list[:10]))
	after := placed(algorithm(t, "consistentHash", list))
	moved := 0
	for i := range before {
		if before[i] == after[i] {
			continue
		}
		if moved++; after[i] != list[10] {
			t.Fatalf("key %d moved from one old endpoint to another", i)
		}
	}
	if share := float64(moved) / keys; share < 0.5/11 || share > 1.5/11 {
		t.Errorf("%.1f %% of the keys moved, want about %.1f %%", share*100, 100.0/11)
	}
}

// When an endpoint goes down its keys spread over all others, and no other key
// moves; the same when it was tried.
func TestHashSkips(t *testing.T) {
	list := endpoints(10)
	a := algorithm(t, "consistentHash", list)
	before := placed(a)
	tried := placed(a, list[4])
	list[4].SetDown(true)
	down := placed(a)
	if !slices.Equal(tried, down) {
		t.Error("it matters whether an endpoint is down or was tried")
	}
	heirs := map[*backend.Endpoint]int{}
	for i := range before {
		if before[i] == list[4] {
			heirs[down[i]]++
		} else if before[i] != down[i] {
			t.Fatalf("key %d moved although its endpoint is up", i)
		}
	}
	if len(heirs) < 8 || heirs[list[4]] != 0 {
		t.Errorf("%d endpoints inherit", len(heirs))
	}
}

// When nearly all are down the walk along the ring gives up and asks all: still
// the same answer for the same key, and both of two get their share.
func TestHashFewLeft(t *testing.T) {
	list := endpoints(500)
	a := algorithm(t, "consistentHash", list)
	for _, e := range list[2:] {
		e.SetDown(true)
	}
	got := count(t, a, keys)
	even(t, got, list[:2], 0.2)
	if !slices.Equal(placed(a), placed(a)) {
		t.Error("the same key went elsewhere")
	}
}

func TestHashKey(t *testing.T) {
	a := algorithm(t, "consistentHash", endpoints(50))
	request := func(remote, forwarded string) *message.Request {
		r := &message.Request{Remote: netip.MustParseAddrPort(remote)}
		if forwarded != "" {
			r.Header.Add("X-Forwarded-For", forwarded)
		}
		return r
	}
	for _, c := range []struct {
		what string
		pick backend.Pick
		like string // the key that goes to the same endpoint
	}{
		{"a key", backend.Pick{Key: "10.0.0.1", Request: request("10.0.0.9:1", "")}, "10.0.0.1"},
		{"the connection", backend.Pick{Request: request("10.0.0.1:1234", "")}, "10.0.0.1"},
		{"mapped into IPv6", backend.Pick{Request: request("[::ffff:10.0.0.1]:1234", "")}, "10.0.0.1"},
		{"IPv6", backend.Pick{Request: request("[2001:db8::1]:1234", "")}, "2001:db8::1"},
		{"behind proxies", backend.Pick{Request: request("10.0.0.9:1", "10.0.0.1, 10.0.0.2")}, "10.0.0.1"},
		{"garbage", backend.Pick{Request: request("10.0.0.1:1", "unknown")}, "10.0.0.1"},
		{"nothing", backend.Pick{}, ""},
	} {
		if got, want := keyHash(&c.pick), keyHash(&backend.Pick{Key: c.like}); got != want {
			t.Errorf("%s: not the hash of %q", c.what, c.like)
		}
		if a.Pick(&c.pick) == nil {
			t.Errorf("%s: nothing picked", c.what)
		}
	}
}

// One popular key fills its endpoint up to the bound and then the next ones.
func TestHashBound(t *testing.T) {
	for _, balance := range []float64{1, 1.25, 2, 0.5} {
		t.Run(strconv.FormatFloat(balance, 'f', -1, 64), func(t *testing.T) {
			list := endpoints(10)
			a := algorithm(t, "consistentHash", list)
			home := a.Pick(&backend.Pick{Key: "popular"})
			if got := a.Pick(&backend.Pick{Key: "popular", Balance: balance}); got != home {
				t.Error("an idle endpoint is not admitted")
			}
			for range 1000 {
				a.Pick(&backend.Pick{Key: "popular", Balance: balance}).Begin()
			}
			c := max(balance, 1)
			for i, e := range list {
				if n := float64(e.Inflight()); n > c*100+1 {
					t.Errorf("endpoint %d has %v requests, the average is 100", i, n)
				}
			}
			if n := float64(home.Inflight()); n < c*100-1 {
				t.Errorf("the endpoint of the key has %v requests, it may have %v", n, c*100)
			}
		})
	}
}

// Without a bound one key stays on its endpoint, whatever its load.
func TestHashNoBound(t *testing.T) {
	list := endpoints(10)
	a := algorithm(t, "consistentHash", list)
	p := &backend.Pick{Key: "popular"}
	for range 100 {
		a.Pick(p).Begin()
	}
	if n := a.Pick(p).Inflight(); n != 100 {
		t.Errorf("%d of 100 requests are on the endpoint of the key", n)
	}
}

// The bound counts endpoints that can be used only: those that are down have no
// load and would make the average too small for all others.
func TestHashBoundSkipsDown(t *testing.T) {
	list := endpoints(10)
	a := algorithm(t, "consistentHash", list)
	for _, e := range list[2:] {
		e.SetDown(true)
	}
	for range 100 {
		a.Pick(&backend.Pick{Key: "popular", Balance: 1.2}).Begin()
	}
	most, least := list[0].Inflight(), list[1].Inflight()
	if least > most {
		most, least = least, most
	}
	if most+least != 100 || most != 60 {
		t.Errorf("the two that are up have %d and %d requests, want 60 and 40", most, least)
	}
}

// The ring does not grow without end.
func TestHashRingIsBounded(t *testing.T) {
	list := endpoints(20000)
	c := newConsistentHash(list)
	if n := len(c.ring); n > maxPoints || n < len(list) {
		t.Errorf("a ring of %d points", n)
	}
	if c.Pick(keyed(1)) == nil {
		t.Error("nothing picked")
	}
	if n := len(newConsistentHash(list[:7]).ring); n != 700 {
		t.Errorf("seven endpoints have a ring of %d points", n)
	}
}

func TestMixSpreads(t *testing.T) {
	seen := map[uint64]bool{}
	for i := range uint64(1000) {
		seen[mix(i)>>54] = true
	}
	if len(seen) < 500 {
		t.Errorf("1000 neighbours fall into %d of 1024 classes", len(seen))
	}
}

func BenchmarkHash(b *testing.B) {
	run := func(b *testing.B, p *backend.Pick, list []*backend.Endpoint) {
		a := algorithm(b, "consistentHash", list)
		b.ReportAllocs()
		for b.Loop() {
			a.Pick(p)
		}
	}
	b.Run("1000 endpoints", func(b *testing.B) { run(b, keyed(1), endpoints(1000)) })
	b.Run("1000 endpoints, one up", func(b *testing.B) {
		list := endpoints(1000)
		for _, e := range list[1:] {
			e.SetDown(true)
		}
		run(b, keyed(1), list)
	})
	b.Run("100 endpoints, bound", func(b *testing.B) {
		list := endpoints(100)
		for _, e := range list {
			begin(e, 10)
		}
		p := keyed(1)
		p.Balance = 1.25
		run(b, p, list)
	})
}

func BenchmarkNewHash(b *testing.B) {
	for _, n := range []int{3, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			list := endpoints(n)
			b.ReportAllocs()
			for b.Loop() {
				newConsistentHash(list)
			}
		})
	}
}
