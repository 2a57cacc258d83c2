//go:build !race

package claims

// poolsForget says that the race detector is off.
const poolsForget = false
