package accesslog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter"
	_ "fairlead.dev/fairlead/filter/accesslog"
	"fairlead.dev/fairlead/filter/filtertest"
)

func TestAccessLog(t *testing.T) {
	for _, tt := range []struct {
		name  string
		calls [][]any
		want  filter.AccessLog
	}{
		{"on", [][]any{{"enableAccessLog"}}, filter.AccessLog{Enabled: filter.On}},
		{"off", [][]any{{"disableAccessLog"}}, filter.AccessLog{Enabled: filter.Off}},
		{"prefixes", [][]any{{"disableAccessLog", 1, 301, 20}}, filter.AccessLog{Enabled: filter.Off, Prefixes: []int{1, 301, 20}}},
		{"last wins", [][]any{{"disableAccessLog", 1}, {"enableAccessLog"}}, filter.AccessLog{Enabled: filter.On}},
		{"deprecated on", [][]any{{"accessLogDisabled", "false"}}, filter.AccessLog{Enabled: filter.On}},
		{"deprecated off", [][]any{{"enableAccessLog", 4}, {"accessLogDisabled", "true"}}, filter.AccessLog{Enabled: filter.Off}},
		{"mask", [][]any{{"maskAccessLogQuery", "a", "b"}}, filter.AccessLog{MaskQuery: []string{"a", "b"}}},
		{"mask more", [][]any{{"maskAccessLogQuery", "a"}, {"disableAccessLog"}, {"maskAccessLogQuery", "b"}},
			filter.AccessLog{Enabled: filter.Off, MaskQuery: []string{"a", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t)
			for _, c := range tt.calls {
				x.RunRequest(filtertest.Build(t, c[0].(string), c[1:]...))
			}
			if diff := cmp.Diff(tt.want, x.AccessLog); diff != "" {
				t.Errorf("access log (-want +got):\n%s", diff)
			}
		})
	}
}

// What one exchange adds must not reach another.
func TestMasksAreNotShared(t *testing.T) {
	first, second := filtertest.Build(t, "maskAccessLogQuery", "a"), filtertest.Build(t, "maskAccessLogQuery", "b")
	filtertest.New(t).RunRequest(first, second)
	x := filtertest.New(t)
	x.RunRequest(first)
	if diff := cmp.Diff([]string{"a"}, x.AccessLog.MaskQuery); diff != "" {
		t.Errorf("masked (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"argument 1 (prefix)", []any{"enableAccessLog", 0}},
		{"argument 2 (prefix)", []any{"disableAccessLog", 4, 1000}},
		{"argument 1 (prefix)", []any{"disableAccessLog", -4}},
		{`found the string "4"`, []any{"disableAccessLog", "4"}},
		{"expected a whole number", []any{"enableAccessLog", 4.5}},
		{`expected "true" or "false"`, []any{"accessLogDisabled", "on"}},
		{"found 0 arguments, expected (key...)", []any{"maskAccessLogQuery"}},
		{"found an empty key", []any{"maskAccessLogQuery", "a", ""}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, call := range [][]any{{"enableAccessLog", 4, 5}, {"disableAccessLog"}, {"maskAccessLogQuery", "a"}} {
		if n := filtertest.New(t).Allocs(filtertest.Build(t, call[0].(string), call[1:]...)); n != 0 {
			t.Errorf("%v: %v allocations, want 0", call, n)
		}
	}
}
