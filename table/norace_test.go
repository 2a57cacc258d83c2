//go:build !race

package table

// poolsForget says that the race detector is off.
const poolsForget = false
