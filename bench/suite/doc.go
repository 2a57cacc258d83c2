// Package suite runs the benchmarks.
//
// The walk: [Suite.Run] goes through scenarios, rounds and peers, in that
// order, so that a round has every peer right after the other; [Suite.one]
// starts origin and proxy, waits until the proxy answers rightly, and hands
// over to timed, idle or change, which measure.
//
// It promises a fresh proxy process for each run, on the one CPU, with load
// and origin on the other; that a peer that fails costs its own runs only,
// and one that lacks what a scenario needs is named with the reason; and
// that every process it started is ended and every file removed.
//
// Start reading at Suite.one.
package suite
