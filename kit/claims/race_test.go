//go:build race

package claims

// poolsForget says that the race detector is on, under which pools, such as those
// of package json, forget at random.
const poolsForget = true
