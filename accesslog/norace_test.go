//go:build !race

package accesslog

// raceEnabled says whether the race detector is on: it makes sync.Pool forget
// items at random, so allocations cannot be asserted.
const raceEnabled = false
