package app

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent is how much the heap may grow between two collections: what lives
// long is the routing table, so there is room, and a proxied request allocates
// nothing.
const gcPercent = 300

// memoryShare is the part of the container's memory that the runtime may use
// before it collects as often as it must.
const memoryShare = 0.85

// tuneMemory fits the garbage collector to the machine unless the environment
// (GOGC, GOMEMLIMIT) says otherwise. It returns how to take it back.
func tuneMemory(log *slog.Logger, lookupEnv func(string) (string, bool)) (restore func()) {
	percent, limit := -2, int64(-1)
	if _, set := lookupEnv("GOGC"); !set {
		percent = debug.SetGCPercent(gcPercent)
	}
	if _, set := lookupEnv("GOMEMLIMIT"); !set {
		if most, ok := cgroupLimit(os.ReadFile); ok {
			limit = debug.SetMemoryLimit(int64(float64(most) * memoryShare))
			log.Info("memory limit of the container found", "bytes", most)
		}
	}
	return func() {
		if percent != -2 {
			debug.SetGCPercent(percent)
		}
		if limit >= 0 {
			debug.SetMemoryLimit(limit)
		}
	}
}

// cgroupLimit returns the memory limit of the control group, version 2 or 1.
func cgroupLimit(readFile func(string) ([]byte, error)) (int64, bool) {
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := readFile(file)
		if err != nil {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && n > 0 && n < math.MaxInt64/2 {
			return n, true
		}
	}
	return 0, false
}
