package app

import (
	"errors"
	"testing"
)

func TestGrowth(t *testing.T) {
	for live, want := range map[uint64]int{0: 300, 1 << 20: 300, 32 << 20: 200, 64 << 20: 100, 128 << 20: 50, 1 << 30: 25} {
		if got := growthFor(live); got != want {
			t.Errorf("%d bytes live: %d %%, want %d %%", live, got, want)
		}
	}
}

func TestContainerLimit(t *testing.T) {
	files := func(m map[string]string) func(string) ([]byte, error) {
		return func(name string) ([]byte, error) {
			if text, ok := m[name]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("no such file")
		}
	}
	const v1, v2 = "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"
	tests := []struct {
		name  string
		files map[string]string
		want  int64
		ok    bool
	}{
		{"version 2", map[string]string{v2: "1073741824\n"}, 1 << 30, true},
		{"version 2, unlimited", map[string]string{v2: "max\n"}, 0, false},
		{"version 1", map[string]string{v1: "536870912\n"}, 512 << 20, true},
		{"version 1, unlimited", map[string]string{v1: "9223372036854771712\n"}, 0, false},
		{"none", nil, 0, false},
	}
	for _, tt := range tests {
		if got, ok := cgroupLimit(files(tt.files)); got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %d %v", tt.name, got, ok)
		}
	}
}
