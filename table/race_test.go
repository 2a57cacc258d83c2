//go:build race

package table

// poolsForget says that the race detector is on, under which pools, such as those
// of package regexp, forget at random.
const poolsForget = true
