//go:build race

package metrics

// raceEnabled says whether the race detector is on.
const raceEnabled = true
