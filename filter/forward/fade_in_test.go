package forward_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter/filtertest"
)

func TestFadeIn(t *testing.T) {
	for _, tt := range []struct {
		args     []any
		want     time.Duration
		exponent float64
	}{
		{[]any{"3m"}, 3 * time.Minute, 1}, {[]any{1500}, 1500 * time.Millisecond, 1}, {[]any{"3m", 1.5}, 3 * time.Minute, 1.5}, {[]any{0}, 0, 1},
	} {
		x := filtertest.New(t)
		x.RunRequest(filtertest.Build(t, "fadeIn", tt.args...))
		if x.Upstream.FadeIn != tt.want || x.Upstream.FadeInExponent != tt.exponent {
			t.Errorf("%v: %v, %v", tt.args, x.Upstream.FadeIn, x.Upstream.FadeInExponent)
		}
	}
}

func TestEndpointCreated(t *testing.T) {
	const text = "2026-05-01T12:00:00Z"
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		address string
		time    any
		want    time.Time
	}{
		{"http://10.0.0.1:8080", text, at},
		{"10.0.0.1:8080", text, at},
		{"http://10.0.0.1:8080", float64(at.Unix()), at},
		{"http://10.0.0.1:8080", float64(at.Unix()) + 0.5, at.Add(time.Second / 2)},
		{"http://10.0.0.1", text, time.Unix(0, 0)},
		{"http://10.0.0.2:8080", text, time.Unix(0, 0)},
	} {
		e := &backend.Endpoint{Address: "10.0.0.1:8080"}
		f := filtertest.Build(t, "endpointCreated", tt.address, tt.time).(backend.Adviser)
		f.Advise(e)
		f.Withdraw(e)
		if !e.Created().Equal(tt.want) {
			t.Errorf("%v %v: began at %v, want %v", tt.address, tt.time, e.Created(), tt.want)
		}
	}
	// What began later counts.
	e := &backend.Endpoint{Address: "10.0.0.1:8080"}
	e.SetCreated(at.Add(time.Hour))
	filtertest.Build(t, "endpointCreated", "10.0.0.1:8080", text).(backend.Adviser).Advise(e)
	if !e.Created().Equal(at.Add(time.Hour)) {
		t.Errorf("began at %v", e.Created())
	}
}

func TestFadeInErrors(t *testing.T) {
	for _, tt := range []struct {
		args []any
		want string
	}{
		{[]any{"fadeIn"}, "found 0 arguments"},
		{[]any{"fadeIn", "x"}, "argument 1 (duration)"},
		{[]any{"fadeIn", "-1s"}, "argument 1 (duration): found -1s, expected"},
		{[]any{"fadeIn", "1s", 0}, "argument 2 (exponent)"},
		{[]any{"fadeIn", "1s", "2"}, "argument 2 (exponent)"},
		{[]any{"endpointCreated", "http://a"}, "found 1 argument"},
		{[]any{"endpointCreated", "ftp://a", 1}, "argument 1 (address)"},
		{[]any{"endpointCreated", "http://a b", 1}, "argument 1 (address)"},
		{[]any{"endpointCreated", "http://a", "yesterday"}, `argument 2 (time): found "yesterday", expected`},
		{[]any{"endpointCreated", "http://a", "0001-01-01T00:00:00Z"}, "argument 2 (time)"},
		{[]any{"endpointCreated", "http://a", "9999-01-01T00:00:00Z"}, "argument 2 (time)"},
		{[]any{"endpointCreated", "http://a", -1}, "argument 2 (time)"},
		{[]any{"endpointCreated", "http://a", 1e300}, "argument 2 (time)"},
	} {
		err := filtertest.BuildError(t, tt.args[0].(string), tt.args[1:]...)
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: got %v, want %q in it", tt.args, err, tt.want)
		}
	}
}
