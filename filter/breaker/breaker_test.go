package breaker

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// route is the filters of a route, driven as the proxy does.
type route []filter.Filter

// try makes an attempt at address that ends with o, and reports whether it was
// allowed.
func (r route) try(t *testing.T, address string, o filter.Outcome) bool {
	t.Helper()
	x := filtertest.New(t)
	x.RunRequest(r...)
	for _, g := range x.Guards {
		if why := g.Allow(x.Context, address); why != message.ReasonNone {
			resp := x.Refuse(why)
			g.Refusal(x.Context, resp)
			if why != message.ReasonCircuitOpen || resp.Status != 503 || resp.Header.Get("X-Circuit-Open") != "true" {
				t.Errorf("refused with %s, %d, %v", why, resp.Status, resp.Header.Fields())
			}
			return false
		}
	}
	for _, g := range x.Guards {
		g.Done(x.Context, address, o)
	}
	return true
}

// until returns how many failures at address are allowed, at most 20.
func (r route) until(t *testing.T, address string) int {
	t.Helper()
	for n := range 20 {
		if !r.try(t, address, failed) {
			return n
		}
	}
	return 20
}

var (
	good   = filter.Outcome{Status: 200}
	failed = filter.Outcome{Status: 500}
	unsure = filter.Outcome{Reason: message.ReasonClientGone}
)

func build(t testing.TB, env *filter.Env, calls ...[]any) (r route) {
	t.Helper()
	for _, c := range calls {
		r = append(r, filtertest.BuildEnv(t, env, c[0].(string), c[1:]...))
	}
	return r
}

func options(t testing.TB, flags ...string) *filter.Env {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	return filter.NewEnv(set, nil)
}

func TestConsecutive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := build(t, filter.NewEnv(nil, nil), []any{"consecutiveBreaker", 3, "10s", 2})
		for _, o := range []filter.Outcome{failed, {Reason: message.ReasonDialFailed}, good, failed, failed, unsure, {Status: 404}, failed} {
			if !r.try(t, "a:80", o) {
				t.Fatalf("%+v: not allowed", o)
			}
		}
		if n := r.until(t, "a:80"); n != 2 {
			t.Errorf("%d more failures, want 2", n)
		}
		if !r.try(t, "b:80", failed) {
			t.Error("the breaker of another endpoint is open")
		}
		time.Sleep(10*time.Second - 1)
		if r.try(t, "a:80", good) {
			t.Error("closed too early")
		}
		time.Sleep(time.Nanosecond)
		if !r.try(t, "a:80", good) {
			t.Error("not half open after the timeout")
		}
		if !r.try(t, "a:80", good) || r.until(t, "a:80") != 3 {
			t.Error("did not close")
		}
	})
}

func TestRate(t *testing.T) {
	r := build(t, filter.NewEnv(nil, nil), []any{"rateBreaker", 3, 5})
	for i, o := range []filter.Outcome{failed, good, failed, good, good, good, failed, failed, failed} {
		if !r.try(t, "a:80", o) {
			t.Fatalf("attempt %d is not allowed", i)
		}
	}
	if r.try(t, "a:80", good) {
		t.Error("not open after three failures of five")
	}
}

// TestOutcomes checks what says something about an endpoint.
func TestOutcomes(t *testing.T) {
	for _, tt := range []struct {
		o     filter.Outcome
		opens bool
	}{
		{good, false}, {filter.Outcome{Status: 499}, false}, {failed, true}, {filter.Outcome{Status: 503}, true}, {unsure, false},
		{filter.Outcome{Reason: message.ReasonBackendTimeout}, true}, {filter.Outcome{Reason: message.ReasonBodyCut}, false},
		{filter.Outcome{Reason: message.ReasonFilterPanic}, false}, {filter.Outcome{Reason: message.ReasonBackendLimited, Refused: true}, false},
	} {
		r := build(t, filter.NewEnv(nil, nil), []any{"consecutiveBreaker", 1})
		r.try(t, "a:80", tt.o)
		if opened := !r.try(t, "a:80", good); opened != tt.opens {
			t.Errorf("%+v: opened %v", tt.o, opened)
		}
	}
}

func TestMerged(t *testing.T) {
	const all = "-breaker=type=consecutive,failures=2,timeout=5s"
	for _, tt := range []struct {
		name    string
		flags   []string
		calls   [][]any
		address string
		opens   int // after so many failures; 20: never
	}{
		{"nothing", nil, nil, "a:80", 20},
		{"all", []string{all}, nil, "a:80", 2},
		{"disabled", []string{"-breaker=type=disabled"}, nil, "a:80", 20},
		{"disabled, but in the route", []string{"-breaker=type=disabled"}, [][]any{{"consecutiveBreaker", 3}}, "a:80", 3},
		{"route", []string{all}, [][]any{{"consecutiveBreaker", 4}}, "a:80", 4},
		{"last of the route", []string{all}, [][]any{{"consecutiveBreaker", 4}, {"rateBreaker", 5, 9}}, "a:80", 5},
		{"route without", []string{all}, [][]any{{"disableBreaker"}}, "a:80", 20},
		{"route without, and then with", []string{all}, [][]any{{"disableBreaker"}, {"consecutiveBreaker", 4}}, "a:80", 4},
		{"host", []string{all, "-breaker=host=example.org,failures=7"}, nil, "example.org:80", 7},
		{"host in capitals", []string{all, "-breaker=host=Example.org,failures=7"}, nil, "EXAMPLE.org:80", 7},
		{"other host", []string{all, "-breaker=host=example.org,failures=7"}, nil, "a.example.org:80", 2},
		{"host and port", []string{all, "-breaker=host=example.org:81,failures=7"}, nil, "example.org:80", 2},
		{"IPv6", []string{"-breaker=host=::1,failures=7"}, nil, "[::1]:80", 7},
		{"host disabled", []string{all, "-breaker=host=example.org,type=disabled"}, nil, "example.org:80", 20},
		{"host alone", []string{"-breaker=type=disabled", "-breaker=type=rate,host=example.org,failures=6,window=9"}, nil, "example.org:80", 6},
		{"host alone, others", []string{"-breaker=type=disabled", "-breaker=type=rate,host=example.org,failures=6,window=9"}, nil, "a:80", 20},
		{"host takes the type of all", []string{"-breaker=type=rate,failures=5,window=9", "-breaker=host=example.org,failures=6"}, nil, "example.org:80", 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := options(t, tt.flags...)
			first, err := Always(env)
			if err != nil {
				t.Fatal(err)
			}
			r := append(route(first(nil)), build(t, env, tt.calls...)...)
			if n := r.until(t, tt.address); n != tt.opens {
				t.Errorf("opened after %d failures, want %d", n, tt.opens)
			}
		})
	}
}

// TestInherits checks that a route takes the timeout of the settings below.
func TestInherits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := options(t, "-breaker=failures=9,timeout=5s", "-breaker=host=slow.example.org,timeout=20s,half-open-requests=2")
		r := build(t, env, []any{"consecutiveBreaker", 1})
		for address, timeout := range map[string]time.Duration{"a:80": 5 * time.Second, "slow.example.org:80": 20 * time.Second} {
			r.try(t, address, failed)
			time.Sleep(timeout - 1)
			if r.try(t, address, good) {
				t.Errorf("%s: half open too early", address)
			}
			time.Sleep(time.Nanosecond)
			if !r.try(t, address, good) {
				t.Errorf("%s: not half open after %s", address, timeout)
			}
		}
	})
}

// TestShared checks that routes with equal settings share breakers, also one after
// the other.
func TestShared(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	a, b, c := build(t, env, []any{"consecutiveBreaker", 2}), build(t, env, []any{"consecutiveBreaker", 2}), build(t, env, []any{"consecutiveBreaker", 3})
	a.try(t, "a:80", failed)
	_ = a[0].(filter.Closer).Close()
	b.try(t, "a:80", failed)
	if b.try(t, "a:80", good) || build(t, env, []any{"consecutiveBreaker", 2}).try(t, "a:80", good) {
		t.Error("not shared")
	}
	if !c.try(t, "a:80", good) {
		t.Error("shared with other settings")
	}
}

// TestManyAddresses checks the bound, and who makes room.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := build(t, filter.NewEnv(nil, nil), []any{"consecutiveBreaker", 1, "1h"})
		g := r[0].(*guard).Value
		r.try(t, "bad:80", failed)
		full := map[string]*breaker{}
		for name, b := range *g.byName.Load() {
			full[name] = b
		}
		for i := range most - len(full) {
			full[fmt.Sprint(i)] = nil
		}
		g.byName.Store(&full)
		time.Sleep(sweep)
		r.try(t, "new:80", good)
		if n := len(*g.byName.Load()); n != 2 {
			t.Errorf("%d addresses, want that with a failure and the new one", n)
		}
		if r.try(t, "bad:80", good) {
			t.Error("an open breaker was forgotten")
		}
		bad := map[string]*breaker{}
		for i := range most {
			bad[fmt.Sprint(i)] = (*g.byName.Load())["bad:80"]
		}
		g.byName.Store(&bad)
		time.Sleep(sweep)
		for range 3 {
			if !r.try(t, "unlucky:80", failed) {
				t.Error("an address without room is refused")
			}
		}
		if n := len(*g.byName.Load()); n != most {
			t.Errorf("%d addresses", n)
		}
	})
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		call []any
		want string
	}{
		{[]any{"consecutiveBreaker"}, "found 0 arguments"},
		{[]any{"consecutiveBreaker", 0}, "argument 1 (failures)"},
		{[]any{"consecutiveBreaker", 1, "0s"}, "argument 2 (timeout): found 0s"},
		{[]any{"consecutiveBreaker", 1, "1s", 0}, "argument 3 (half-open-requests)"},
		{[]any{"consecutiveBreaker", 1, "1s", 1, "-1s"}, "argument 4 (idle-ttl)"},
		{[]any{"rateBreaker", 1}, "found 1 argument"},
		{[]any{"rateBreaker", 3, 2}, "argument 2 (window): found 2, expected at least the 3 failures"},
		{[]any{"rateBreaker", 1, 1e7}, "argument 2 (window)"},
		{[]any{"rateBreaker", 1, 1, "0s"}, "argument 3 (timeout)"},
		{[]any{"disableBreaker", 1}, "found 1 argument"},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestSettingsText(t *testing.T) {
	for text, want := range map[string]string{
		"type=consecutive,failures=5":                             "",
		"failures=5,timeout=3m,half-open-requests=3,idle-ttl=30m": "",
		"failures=5,timeout=3000,idleTTL=30m":                     "",
		"type=rate,host=www.example.org,window=300,failures=30":   "",
		"type=disabled":                 "",
		"host=a":                        "",
		"type=rate,failures=30":         "window is missing",
		"type=consecutive":              "failures is missing",
		"type=rates,failures=30":        `type: found "rates"`,
		"failures=0":                    `failures: found "0"`,
		"failures=1,timeout=0":          `timeout: found "0"`,
		"failures=1,idle-ttl=x":         `idle-ttl: found "x"`,
		"failures=1,timeouts=1s":        `timeouts: unknown name, did you mean "timeout"`,
		"failures=1,zzz=1s":             `zzz: unknown name, expected one of`,
		"host=":                         `host: found ""`,
		"":                              "expected name=value",
		"type=rate,window=2,failures=3": "which never open it",
	} {
		var s, again Settings
		err := s.UnmarshalText([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err == nil && (again.UnmarshalText([]byte(s.String())) != nil || again != s) {
			t.Errorf("%q becomes %q, and then %+v", text, s.String(), again)
		}
	}
	if _, err := Always(options(t, "-breaker=host=a,timeout=3s")); err == nil || !strings.Contains(err.Error(), `-breaker for host "a": failures is missing`) {
		t.Errorf("got %v", err)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("type=rate,host=www.example.org,window=300,failures=30,timeout=10s")
	f.Fuzz(func(t *testing.T, text string) {
		var s, again Settings
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q becomes %q: %v", text, s.String(), err)
		}
	})
}

func TestYAML(t *testing.T) {
	for _, text := range []string{
		"breaker: {type: rate, host: a, failures: 3, window: 9}",
		"breaker:\n  - type: rate\n    host: a\n    failures: 3\n    window: 9\n",
	} {
		set := option.NewSet()
		if _, err := set.ApplyYAML("a.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := Options.From(set).Breaker; len(got) != 1 || got[0] != (Settings{Type: Rate, Host: "a", Failures: 3, Window: 9}) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, call := range [][]any{{"consecutiveBreaker", 3}, {"rateBreaker", 3, 100}} {
		f := filtertest.Build(t, call[0].(string), call[1:]...)
		x := filtertest.New(t)
		attempt(x, f)
		if n := testing.AllocsPerRun(1000, func() { attempt(x, f) }); n != 0 {
			t.Errorf("%v: %v allocations", call, n)
		}
	}
}

// attempt is one request that succeeds.
func attempt(x *filtertest.Exchange, f filter.Filter) {
	x.Guards = x.Guards[:0]
	f.Request(x.Context)
	if g := x.Guards[0]; g.Allow(x.Context, "a:80") == message.ReasonNone {
		g.Done(x.Context, "a:80", good)
	}
}

func BenchmarkBreaker(b *testing.B) {
	for _, call := range [][]any{{"consecutiveBreaker", 3}, {"rateBreaker", 3, 100}} {
		b.Run(call[0].(string), func(b *testing.B) {
			f := filtertest.Build(b, call[0].(string), call[1:]...)
			x := filtertest.New(b)
			b.ReportAllocs()
			for b.Loop() {
				attempt(x, f)
			}
		})
	}
}
