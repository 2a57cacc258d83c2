package forward_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
)

func TestRetry(t *testing.T) {
	x := filtertest.New(t)
	x.RunRequest(filtertest.Build(t, "retry"))
	r := x.Upstream.Retry
	if r == nil || r.Attempts != 3 || !r.Statuses.Has(502) || !r.Statuses.Has(504) || r.Statuses.Has(500) || r.Timeout != 0 || r.Body != 64<<10 ||
		r.Same || !r.May("GET") || !r.May("PUT") || r.May("POST") || r.Budget == nil || r.Sent == nil || r.Saved == nil {
		t.Errorf("usual: %+v", r)
	}
	x.RunRequest(filtertest.Build(t, "retry", "attempts=5,statuses=429,500-503,timeout=1.5s", "budget=50%,methods=GET,POST,body=1KiB,backoff=10ms,same=true"))
	r = x.Upstream.Retry
	if r.Attempts != 5 || !r.Statuses.Has(429) || !r.Statuses.Has(501) || r.Statuses.Has(504) || r.Timeout != 1500*time.Millisecond || r.Body != 1024 ||
		!r.Same || r.Backoff != 10*time.Millisecond || !r.May("POST") || r.May("PUT") {
		t.Errorf("all: %+v", r)
	}
	x.RunRequest(filtertest.Build(t, "retry", "methods=any"))
	if r = x.Upstream.Retry; !r.May("POST") || !r.May("ODD") {
		t.Errorf("any method: %+v", r)
	}
}

func TestHedge(t *testing.T) {
	x := filtertest.New(t)
	x.RunRequest(filtertest.Build(t, "hedge", "50ms"))
	h := x.Upstream.Hedge
	if h == nil || h.Delay != 50*time.Millisecond || h.Max != 1 || h.Body != 64<<10 || !h.May("GET") || h.May("POST") || h.Won == nil {
		t.Errorf("usual: %+v", h)
	}
	x.RunRequest(filtertest.Build(t, "hedge", 20, 3, "methods=POST,budget=0.05,body=0"))
	if h = x.Upstream.Hedge; h.Delay != 20*time.Millisecond || h.Max != 3 || h.Body != 0 || !h.May("POST") {
		t.Errorf("all: %+v", h)
	}
}

func TestRepeatErrors(t *testing.T) {
	for _, tt := range []struct {
		args []any
		want string
	}{
		{[]any{"retry", 3}, "argument 1 (settings): found the number 3"},
		{[]any{"retry", ""}, "argument 1 (settings): found \"\", expected name=value"},
		{[]any{"retry", "attempts=3", "attempt=4"}, `argument 2 (settings): unknown setting "attempt", did you mean "attempts"?`},
		{[]any{"retry", "attempts=1"}, "from 2 to 10"},
		{[]any{"retry", "attempts=11"}, "from 2 to 10"},
		{[]any{"retry", "statuses=200"}, "from 400 to 599"},
		{[]any{"retry", "timeout=0s"}, "timeout: found"},
		{[]any{"retry", "budget=200%"}, "budget: found"},
		{[]any{"retry", "methods=get"}, "methods in capitals"},
		{[]any{"retry", "body=1GiB"}, "body: found"},
		{[]any{"retry", "same=1"}, "same: found"},
		{[]any{"hedge"}, "found 0 arguments"},
		{[]any{"hedge", "x"}, "argument 1 (delay)"},
		{[]any{"hedge", "0s"}, "argument 1 (delay): found 0s, expected"},
		{[]any{"hedge", "-1s"}, "argument 1 (delay)"},
		{[]any{"hedge", "1s", 4}, "argument 2 (max)"},
		{[]any{"hedge", "1s", 0}, "argument 2 (max)"},
		{[]any{"hedge", "1s", 1, "attempts=2"}, "argument 3 (settings): unknown setting"},
	} {
		err := filtertest.BuildError(t, tt.args[0].(string), tt.args[1:]...)
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: got %v, want %q in it", tt.args, err, tt.want)
		}
	}
}

// TestSpend counts what is sent again and what the budget did not allow.
func TestSpend(t *testing.T) {
	x := filtertest.New(t)
	x.RunRequest(filtertest.Build(t, "retry", "budget=0"))
	sent, saved := new(counting), new(counting)
	r := *x.Upstream.Retry
	r.Sent, r.Saved = sent, saved
	if r.Spend(0) || *sent != 0 || *saved != 1 {
		t.Errorf("sent %d, saved %d", *sent, *saved)
	}
	free := filter.Repeat{}
	if !free.Spend(0) || !free.May("DELETE") || free.May("PATCH") {
		t.Error("the zero Repeat has a bound")
	}
}

type counting int

func (c *counting) Add(n uint64) { *c += counting(n) }

func BenchmarkRepeats(b *testing.B) {
	x := filtertest.New(b)
	for name, f := range map[string]filter.Filter{"retry": filtertest.Build(b, "retry"), "hedge": filtertest.Build(b, "hedge", "50ms")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Request(x.Context)
			}
		})
	}
}
