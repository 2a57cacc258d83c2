package app

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// The bounds of how much the heap may grow between two collections, in percent
// of what lives, and the growth in bytes that is aimed at. What lives long is
// the routing table; a proxied request allocates nothing, so collections are
// rare anyway.
const (
	leastGrowth = 25
	mostGrowth  = 300
	growth      = 64 << 20
)

// memoryShare is the part of the container's memory that the runtime may use
// before it collects as often as it must.
const memoryShare = 0.85

// The memory of connections that were parked, and other memory that nobody
// uses, goes back to the system this often at most, and for this much at least.
const (
	memoryEvery  = 2 * time.Second
	releaseEvery = 4 * time.Second
	releaseConns = 500
	releaseBytes = 2 * growth
)

// memory fits the garbage collector to what the process holds.
type memory struct {
	log    *slog.Logger
	parked func() int
	// own says that the environment (GOGC) does not decide.
	own bool

	percent  int
	lastConn int // parked at the last release
	released time.Time
}

// setMemoryLimit takes the limit of the container into account, unless the
// environment does (GOMEMLIMIT). It returns how to take it back.
func setMemoryLimit(log *slog.Logger, lookupEnv func(string) (string, bool)) (restore func()) {
	if _, set := lookupEnv("GOMEMLIMIT"); set {
		return func() {}
	}
	most, ok := cgroupLimit(os.ReadFile)
	if !ok {
		return func() {}
	}
	before := debug.SetMemoryLimit(int64(float64(most) * memoryShare))
	log.Info("memory limit of the container found", "bytes", most)
	return func() { debug.SetMemoryLimit(before) }
}

// Run looks at the memory until ctx ends.
func (m *memory) Run(ctx context.Context) error {
	if m.own {
		before := debug.SetGCPercent(100)
		defer debug.SetGCPercent(before)
		m.percent = 100
	}
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			live, unused := heap()
			m.look(now, live, unused, m.parked())
		}
	}
}

// look adapts the collector and gives memory back where there is much of it.
func (m *memory) look(now time.Time, live, unused uint64, parked int) {
	if p := growthFor(live); m.own && (p > m.percent+m.percent/8 || p < m.percent-m.percent/8) {
		m.percent = p
		debug.SetGCPercent(p)
	}
	if now.Sub(m.released) < releaseEvery || (parked-m.lastConn < releaseConns && unused < releaseBytes) {
		m.lastConn = min(m.lastConn, parked)
		return
	}
	m.released, m.lastConn = now, parked
	debug.FreeOSMemory()
}

// growthFor returns the collector's percentage for a heap of live bytes.
func growthFor(live uint64) int {
	return int(min(max(growth*100/max(live, 1), leastGrowth), mostGrowth))
}

// heap returns the bytes that the last collection found alive, and those that
// the process holds for nobody.
func heap() (live, unused uint64) {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	for i := range s {
		if s[i].Value.Kind() != metrics.KindUint64 {
			return 0, 0
		}
	}
	live = s[0].Value.Uint64()
	objects, free := s[1].Value.Uint64(), s[2].Value.Uint64()
	return live, max(objects, live) - live + free
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
