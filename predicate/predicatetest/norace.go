//go:build !race

package predicatetest

// raceEnabled says that the race detector is off.
const raceEnabled = false
