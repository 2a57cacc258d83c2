package app

import (
	"strings"
	"testing"
)

// TestGlobalLimit checks -ratelimits: all routes count together, but for one that
// says otherwise.
func TestGlobalLimit(t *testing.T) {
	i := run(t, "-wait-first-route-load", "-ratelimits=type=client,max-hits=3,time-window=1h", "-inline-routes",
		`a: Path("/a") -> inlineContent("a") -> <shunt>; b: Path("/b") -> inlineContent("b") -> <shunt>;
		 free: Path("/free") -> disableRatelimit() -> inlineContent("free") -> <shunt>`)
	for n, want := range []int{200, 200, 200, 429, 429} {
		if code, _ := i.get(i.proxy + "/" + string("ab"[n%2])); code != want {
			t.Errorf("request %d: %d, want %d", n, code, want)
		}
		if code, _ := i.get(i.proxy + "/free"); code != 200 {
			t.Errorf("request %d to the free route: %d", n, code)
		}
	}
	if _, text := i.get(i.support + "/metrics"); !strings.Contains(text, `rate-limited`) {
		t.Error("the metrics have no reason rate-limited")
	}
}
