package limit

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// ask sends a request with fields, given as name and value in turn, through f and
// returns the response.
func ask(t *testing.T, f filter.Filter, fields ...string) *filtertest.Exchange {
	t.Helper()
	x := filtertest.New(t)
	for i := 0; i+1 < len(fields); i += 2 {
		x.Request.Header.Add(fields[i], fields[i+1])
	}
	x.Run(f)
	return x
}

func statusOf(x *filtertest.Exchange) int { return x.Response.Status }

func TestRatelimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := filtertest.Build(t, "ratelimit", 2, "1m")
		for range 2 {
			if x := ask(t, f); statusOf(x) != 200 {
				t.Fatalf("status %d", statusOf(x))
			}
			time.Sleep(15*time.Second + time.Millisecond)
		}
		x := ask(t, f)
		h := &x.Response.Header
		if statusOf(x) != 429 || x.Forwarded || x.Refused() != message.ReasonRateLimited {
			t.Errorf("status %d, forwarded %v, reason %s", statusOf(x), x.Forwarded, x.Refused())
		}
		if h.Get("X-Rate-Limit") != "120" || h.Get("Retry-After") != "30" {
			t.Errorf("X-Rate-Limit %q, Retry-After %q", h.Get("X-Rate-Limit"), h.Get("Retry-After"))
		}
		time.Sleep(30 * time.Second)
		if x := ask(t, f); statusOf(x) != 200 {
			t.Errorf("after the time of Retry-After: %d", statusOf(x))
		}
	})
}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		call            []any
		status          int
		body, rate, try string
	}{
		{[]any{"ratelimit", 0, "1m"}, 429, "Too Many Requests\n", "0", "157680000"},
		{[]any{"ratelimit", 0, 60, 503}, 503, "Service Unavailable\n", "0", "157680000"},
		{[]any{"clientRatelimit", 0, "1s"}, 429, "Too Many Requests\n", "0", "157680000"},
		{[]any{"localRatelimit", 0, "1s"}, 429, "Too Many Requests\n", "0", "157680000"},
	} {
		x := ask(t, filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
		h := &x.Response.Header
		if body := x.ResponseBody(); statusOf(x) != tt.status || body != tt.body || h.Get("X-Rate-Limit") != tt.rate || h.Get("Retry-After") != tt.try {
			t.Errorf("%v: %d %q, X-Rate-Limit %q, Retry-After %q", tt.call, statusOf(x), body, h.Get("X-Rate-Limit"), h.Get("Retry-After"))
		}
	}
	if got := newRefusal(1e9, 1, 0).perHour; got != "4611686018427387904" {
		t.Errorf("a rate beyond all bounds: %s", got)
	}
	if got := newRefusal(7, 90*time.Minute, 0).perHour; got != "4" {
		t.Errorf("7 in 90 minutes: %s an hour", got)
	}
}

func TestClients(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []any
		who    [][]string // fields of the requests, after the first
		want   []int
	}{
		{"address", nil, [][]string{{}, {"X-Forwarded-For", "10.0.0.1"}, {"X-Forwarded-For", "10.0.0.1, 10.9.9.9"}, {"X-Forwarded-For", "10.0.0.2"}},
			[]int{200, 200, 429, 200}},
		{"named address", []any{"x-forwarded-for"}, [][]string{{"X-Forwarded-For", "10.0.0.1"}, {"X-Forwarded-For", "10.0.0.1, 10.9.9.9"}}, []int{200, 429}},
		{"IPv6 network", nil, [][]string{{"X-Forwarded-For", "2001:db8::1"}, {"X-Forwarded-For", "2001:db8::2:1"}, {"X-Forwarded-For", "2001:db8:0:1::1"}},
			[]int{200, 429, 200}},
		{"one field", []any{"authorization"}, [][]string{{"Authorization", "a"}, {"Authorization", "b"}, {"Authorization", "a"}}, []int{200, 200, 429}},
		{"short word", []any{"auth"}, [][]string{{"Authorization", "a"}, {"Authorization", "b"}, {"Authorization", "a"}}, []int{200, 200, 429}},
		{"nothing to tell by", []any{"Authorization"}, [][]string{{}, {}, {}}, []int{200, 200, 200}},
		{"several", []any{"X-A, X-B"}, [][]string{{"X-A", "1"}, {"X-A", "1", "X-B", "2"}, {"X-A", "1"}, {}, {}}, []int{200, 200, 429, 200, 200}},
		{"one after the other", []any{"X-A,X-B"}, [][]string{{"X-A", "1", "X-B", "23"}, {"X-A", "12", "X-B", "3"}, {"X-A", "123"}, {"X-B", "123"}}, []int{200, 200, 200, 200}},
		{"with address", []any{"X-A,X-Forwarded-For"}, [][]string{{}, {"X-A", "1"}, {"X-A", "1"}, {}}, []int{200, 200, 429, 429}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := filtertest.Build(t, "clientRatelimit", append([]any{1, "1h"}, tt.header...)...)
			for i, fields := range tt.who {
				if x := ask(t, f, fields...); statusOf(x) != tt.want[i] {
					t.Errorf("request %d, %q: %d, want %d", i, fields, statusOf(x), tt.want[i])
				}
			}
		})
	}
}

// TestShared checks which filters count together, and that counters survive their
// routes.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := filter.NewEnv(nil, nil)
		build := func(call ...any) filter.Filter {
			f := filtertest.BuildEnv(t, env, call[0].(string), call[1:]...)
			return f
		}
		first := build("ratelimit", 1, "1m")
		ask(t, first)
		for _, tt := range []struct {
			call []any
			want int
		}{
			{[]any{"ratelimit", 1, "1m"}, 429},
			{[]any{"ratelimit", 1, 60, 503}, 503},
			{[]any{"ratelimit", 2, "1m"}, 200},
			{[]any{"clientRatelimit", 1, "1m"}, 200},
			{[]any{"localRatelimit", 1, "1m"}, 429},
			{[]any{"clientRatelimit", 1, "1m", "X-Forwarded-For"}, 429},
		} {
			if x := ask(t, build(tt.call...)); statusOf(x) != tt.want {
				t.Errorf("%v: %d, want %d", tt.call, statusOf(x), tt.want)
			}
		}
		other := build("ratelimit", 1, "1s")
		ask(t, other)
		_ = other.(filter.Closer).Close()
		if x := ask(t, build("ratelimit", 1, "1s")); statusOf(x) != 429 {
			t.Errorf("a new route begins to count anew: %d", statusOf(x))
		}
	})
}

// TestBackendsOnce: a route that a request passes twice counts it once.
func TestBackendsOnce(t *testing.T) {
	f := filtertest.Build(t, "backendRatelimit", "g", 1, "10s")
	x := filtertest.New(t)
	x.RunRequest(f)
	x.Resume()
	x.RunRequest(f)
	if len(x.Guards) != 1 {
		t.Errorf("%d guards", len(x.Guards))
	}
}

func TestBackends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := filter.NewEnv(nil, nil)
		f := filtertest.BuildEnv(t, env, "backendRatelimit", "g", 1, "10s")
		same := filtertest.BuildEnv(t, env, "backendRatelimit", "g", 1, "10s", 429)
		other := filtertest.BuildEnv(t, env, "backendRatelimit", "h", 1, "10s")
		guard := func(f filter.Filter) (*filtertest.Exchange, filter.Guard) {
			x := filtertest.New(t)
			x.RunRequest(f)
			if len(x.Guards) != 1 {
				t.Fatalf("%d guards", len(x.Guards))
			}
			return x, x.Guards[0]
		}
		allow := func(f filter.Filter, address string) message.Reason {
			x, g := guard(f)
			return g.Allow(x.Context, address)
		}
		for i, tt := range []struct {
			f       filter.Filter
			address string
			want    message.Reason
		}{
			{f, "a:80", message.ReasonNone},
			{f, "b:80", message.ReasonNone},
			{f, "a:80", message.ReasonBackendLimited},
			{same, "b:80", message.ReasonBackendLimited},
			{other, "a:80", message.ReasonNone},
		} {
			if got := allow(tt.f, tt.address); got != tt.want {
				t.Errorf("%d: %s: %s", i, tt.address, got)
			}
			time.Sleep(time.Second)
		}
		for _, tt := range []struct {
			f      filter.Filter
			status int
		}{{f, 503}, {same, 429}} {
			x, g := guard(tt.f)
			for _, address := range []string{"b:80", "a:80"} {
				if why := g.Allow(x.Context, address); why == message.ReasonNone {
					t.Errorf("%s is allowed", address)
				}
			}
			x.Refuse(message.ReasonBackendLimited)
			g.Refusal(x.Context, x.Response)
			if h := &x.Response.Header; statusOf(x) != tt.status || h.Get("Retry-After") != "5" || h.Get("X-Rate-Limit") != "360" {
				t.Errorf("%d, Retry-After %q, X-Rate-Limit %q", statusOf(x), h.Get("Retry-After"), h.Get("X-Rate-Limit"))
			}
		}
	})
}

func TestDisable(t *testing.T) {
	off := filtertest.Build(t, "disableRatelimit")
	for _, call := range [][]any{{"ratelimit", 0, "1m"}, {"clientRatelimit", 0, "1m"}, {"backendRatelimit", "g", 0, "1m"}} {
		x := filtertest.New(t)
		x.Run(off, filtertest.Build(t, call[0].(string), call[1:]...))
		if statusOf(x) != 200 || len(x.Guards) > 0 {
			t.Errorf("%v: %d", call, statusOf(x))
		}
	}
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "ratelimitFailClosed"), filtertest.Build(t, "ratelimit", 1, "1m"))
	if statusOf(x) != 200 {
		t.Errorf("ratelimitFailClosed: %d", statusOf(x))
	}
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		call []any
		want string
	}{
		{[]any{"ratelimit", 1}, "found 1 argument"},
		{[]any{"ratelimit", "1", "1m"}, "argument 1 (requests)"},
		{[]any{"ratelimit", -1, "1m"}, "argument 1 (requests)"},
		{[]any{"ratelimit", 1, "1 minute"}, "argument 2 (time)"},
		{[]any{"ratelimit", 1, 0}, "argument 2 (time): found 0s, expected a duration above zero"},
		{[]any{"ratelimit", 1, "1m", 42}, "argument 3 (status)"},
		{[]any{"clientRatelimit", 1, "-1m"}, "argument 2 (time)"},
		{[]any{"clientRatelimit", 1, "1m", ""}, "argument 3 (header): found \"\""},
		{[]any{"clientRatelimit", 1, "1m", "X-A,,X-B"}, "argument 3 (header)"},
		{[]any{"clientRatelimit", 1, "1m", "X A"}, "argument 3 (header)"},
		{[]any{"clientRatelimit", 1, "1m", strings.Repeat("a,", 20) + "a"}, "argument 3 (header)"},
		{[]any{"backendRatelimit", "g", 1, "0s"}, "argument 3 (time)"},
		{[]any{"backendRatelimit", "g", 1}, "found 2 arguments"},
		{[]any{"disableRatelimit", 1}, "found 1 argument"},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestGlobal(t *testing.T) {
	env := func(flags ...string) *filter.Env {
		set := option.NewSet()
		if _, _, err := set.ApplyFlags(flags); err != nil {
			t.Fatal(err)
		}
		return filter.NewEnv(set, nil)
	}
	none := func(string) bool { return false }
	if all := Always(env())(none); len(all) != 0 {
		t.Errorf("%d filters without an option", len(all))
	}
	of := Always(env("-ratelimits", "type=client,max-hits=2,time-window=1h", "-ratelimits=type=service,max-hits=3,time-window=1h,group=g", "-ratelimits=type=disabled"))
	all := of(none)
	if len(all) != 2 {
		t.Fatalf("%d filters", len(all))
	}
	if _, ok := all[0].(filter.Closer); ok {
		t.Error("a route may close what all share")
	}
	for i, tt := range []struct {
		from string
		want int
	}{{"10.0.0.1", 200}, {"10.0.0.1", 200}, {"10.0.0.1", 429}, {"10.0.0.2", 200}, {"10.0.0.3", 429}} {
		x := filtertest.New(t)
		x.Request.Remote = netip.MustParseAddrPort(tt.from + ":1")
		x.Run(all...)
		if statusOf(x) != tt.want {
			t.Errorf("request %d: %d", i, statusOf(x))
		}
	}
	if all := of(func(name string) bool { return name == "disableRatelimit" }); len(all) != 0 {
		t.Errorf("%d filters for a route with disableRatelimit", len(all))
	}
}

func TestGlobalText(t *testing.T) {
	for text, want := range map[string]string{
		"type=client,max-hits=20,time-window=60s": "",
		"max-hits=20":                                    "",
		"type=local,max-hits=20,time-window=60s":         "",
		"type=service, max-hits=20, time-window=60s":     "",
		"type=clusterClient,max-hits=20,time-window=60s": "with other processes",
		"type=clusterService,group=g":                    "with other processes",
		"type=clients,max-hits=20,time-window=60s":       `found "clients"`,
		"type=client":                                      "max-hits is missing",
		"type=client,max-hits=20":                          "time-window is missing",
		"type=client,max-hits=0,time-window=60s":           "max-hits: found",
		"type=client,max-hits=20,time-window=60":           "time-window: found",
		"type=client,max-hits=20,time-window=60s,hits=2":   `unknown name "hits"`,
		"type=client,max-hit=20,time-window=60s":           `did you mean "max-hits"`,
		"":                                                 "expected name=value",
		"type=client,max-hits=9999999999,time-window=60s,": "max-hits",
	} {
		var g Global
		err := g.UnmarshalText([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		var again Global
		if err == nil && (again.UnmarshalText([]byte(g.String())) != nil || again != g) {
			t.Errorf("%q becomes %q, and then %+v", text, g.String(), again)
		}
	}
}

// TestYAML checks the two forms of spec 1.9.
func TestYAML(t *testing.T) {
	for _, text := range []string{
		"ratelimits: type=client,max-hits=20,time-window=60s",
		"ratelimits: {type: client, max-hits: 20, time-window: 60s}",
		"ratelimits:\n  - type: client\n    max-hits: 20\n    time-window: 60s\n",
	} {
		set := option.NewSet()
		if _, err := set.ApplyYAML("a.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := Options.From(set).Global; len(got) != 1 || got[0] != (Global{Type: "client", N: 20, Every: time.Minute}) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func FuzzGlobal(f *testing.F) {
	f.Add("type=client,max-hits=20,time-window=60s")
	f.Fuzz(func(t *testing.T, text string) {
		var g, again Global
		if g.UnmarshalText([]byte(text)) != nil || strings.ContainsAny(g.Group, ",") || strings.TrimSpace(g.Group) != g.Group {
			return
		}
		if err := again.UnmarshalText([]byte(g.String())); err != nil || again != g {
			t.Errorf("%q becomes %q: %v", text, g.String(), err)
		}
	})
}

func TestAllocations(t *testing.T) {
	for _, call := range [][]any{
		{"ratelimit", 1000, "1h"}, {"clientRatelimit", 1000, "1h"}, {"clientRatelimit", 1000, "1h", "X-Forwarded-For,Authorization"}, {"backendRatelimit", "g", 1000, "1h"},
	} {
		f := filtertest.Build(t, call[0].(string), call[1:]...)
		x := filtertest.New(t)
		x.Request.Header.Add("Authorization", "Bearer abc")
		if n := x.Allocs(f); n > 0.2 { // the times are kept in a ring that grows
			t.Errorf("%v: %v allocations", call, n)
		}
	}
}

func BenchmarkLimit(b *testing.B) {
	for _, call := range [][]any{
		{"ratelimit", 1000000000, "1s"}, {"clientRatelimit", 1000000000, "1s"}, {"clientRatelimit", 1000000000, "1s", "Authorization"},
	} {
		b.Run(fmt.Sprint(call...), func(b *testing.B) {
			f := filtertest.Build(b, call[0].(string), call[1:]...)
			x := filtertest.New(b)
			x.Request.Header.Add("Authorization", "Bearer abc")
			b.ReportAllocs()
			for b.Loop() {
				f.Request(x.Context)
			}
		})
	}
}
