package timeout_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/timeout"
)

// What the client's side does with the limits, package proxy tests.
func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		call []any
		want filter.Client
	}{
		{[]any{"readTimeout", "10s"}, filter.Client{ReadTimeout: 10 * time.Second}},
		{[]any{"readTimeout", 10}, filter.Client{ReadTimeout: 10 * time.Millisecond}},
		{[]any{"writeTimeout", "1m"}, filter.Client{WriteTimeout: time.Minute}},
	} {
		x := filtertest.New(t)
		f := filtertest.Build(t, tt.call[0].(string), tt.call[1:]...)
		x.Run(f)
		if x.Client != tt.want {
			t.Errorf("%v: got %+v", tt.call, x.Client)
		}
		if n := x.Allocs(f); n != 0 {
			t.Errorf("%v: %v allocations", tt.call, n)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, name := range []string{"readTimeout", "writeTimeout"} {
		for _, a := range []any{0, -1, "-1s", "soon"} {
			if err := filtertest.BuildError(t, name, a); !strings.Contains(err.Error(), "argument 1 (timeout)") {
				t.Errorf("%s(%v): %v", name, a, err)
			}
		}
	}
}
