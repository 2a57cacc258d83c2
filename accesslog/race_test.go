//go:build race

package accesslog

// raceEnabled says whether the race detector is on.
const raceEnabled = true
