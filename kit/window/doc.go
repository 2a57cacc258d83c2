// Package window counts events in a sliding window of time: at most n in any
// stretch of d.
//
// # The walk
//
// A Window counts for one thing, a Limiter for many that have a Key each. Allow
// asks and counts in one step; what is refused is not counted, so who keeps asking
// is let through n times in each d all the same.
//
// # What it promises
//
//   - Never more than n events are allowed in any stretch of d, wherever it begins.
//   - Up to 1024 events the answer is exact: the times of all are kept. Above, events
//     that are nearer to each other than d/1024 share one time, that of the last of
//     them: memory has a bound, and an event counts for longer than d by at most a
//     thousandth, never for less.
//   - A key whose events are all older than d costs nothing: its memory is taken
//     by the keys that come later.
//   - Nothing of what a key was made of is kept.
//
// # When there are too many keys
//
// The number of keys has a bound, and somebody may invent keys. To forget the
// oldest would let him do so to the keys of others, and to his own: a limit that
// can be washed away by asking often is none. So no key that still counts is
// forgotten. A key that finds no room counts in one of a fixed number of places
// that it shares with others: it may be refused for what they did, never let
// through for it. Known keys do not notice. What an inventor of keys can get through
// in all is bounded by (keys + shared places) * n in each d.
//
// The times that all keys together keep have a bound as well. Beyond it a key's
// events share times as above, with the same effect.
//
// # What it does not do
//
// It does not wait, and it shares nothing with other processes.
//
// Start reading at Window.Allow, then Limiter.Allow.
package window
