//go:build race

package predicatetest

// raceEnabled says that the race detector is on, under which pools forget at
// random and so expressions allocate.
const raceEnabled = true
