package backend_test

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/backend"
)

func TestWeight(t *testing.T) {
	var e backend.Endpoint
	if w := e.Weight(); w != 1 {
		t.Errorf("the zero endpoint weighs %v", w)
	}
	for _, c := range []struct{ set, want float64 }{
		{2.5, 2.5}, {1, 1}, {0, 0.001}, {-1, 0.001}, {1e9, 1000}, {math.Inf(1), 1000}, {math.Inf(-1), 0.001}, {math.NaN(), 1},
	} {
		e.SetWeight(c.set)
		if w := e.Weight(); w != c.want {
			t.Errorf("set to %v: weighs %v, want %v", c.set, w, c.want)
		}
	}
}

func TestUsable(t *testing.T) {
	var a, b, c backend.Endpoint
	b.SetDown(true)
	p := backend.Pick{Tried: []*backend.Endpoint{&c}}
	for _, x := range []struct {
		what          string
		endpoint      *backend.Endpoint
		usable, tried bool
	}{{"up", &a, true, false}, {"down", &b, false, false}, {"tried", &c, false, true}} {
		if got := p.Usable(x.endpoint); got != x.usable {
			t.Errorf("%s: usable is %v", x.what, got)
		}
		if got := p.WasTried(x.endpoint); got != x.tried {
			t.Errorf("%s: tried is %v", x.what, got)
		}
	}
	if b.SetDown(false); !p.Usable(&b) {
		t.Error("up again and not usable")
	}
}

func TestInflight(t *testing.T) {
	var e backend.Endpoint
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				e.Begin()
				e.End()
			}
			e.Begin()
		})
	}
	wg.Wait()
	if n := e.Inflight(); n != 4 {
		t.Errorf("%d requests on their way, want 4", n)
	}
}

func TestSetTransportOnce(t *testing.T) {
	var e backend.Endpoint
	if e.Transport() != nil {
		t.Error("a transport from nowhere")
	}
	first, second := &transport{}, &transport{}
	if e.SetTransport(first) != first || e.SetTransport(second) != first || e.Transport() != first {
		t.Error("the first transport does not stay")
	}
}

var testAlgorithm = backend.DefineAlgorithm(backend.AlgorithmDef{Name: "testOnly"})

func TestDefineAlgorithm(t *testing.T) {
	d := testAlgorithm
	if backend.LookupAlgorithm("testOnly") != d || backend.LookupAlgorithm("other") != nil {
		t.Error("LookupAlgorithm does not find the declaration")
	}
	if !slices.Contains(backend.Algorithms(), d) {
		t.Error("the declaration is not listed")
	}
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, `algorithm "testOnly"`) {
			t.Errorf("defined twice: panic %q", got)
		}
	}()
	backend.DefineAlgorithm(backend.AlgorithmDef{Name: "testOnly"})
}
