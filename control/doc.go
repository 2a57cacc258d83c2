// Package control is the loop that keeps the routing table as the sources of
// routes ask for it.
//
// The walk: each source is followed by a goroutine that reads it now and
// whenever it says that it changed (origin.follow). What was read goes to
// Loop.update, which
//
//	takes it into the book         which definitions came and went, by pointer
//	settles who defines each id    the earlier source, then the earlier place
//	compiles what changed          route.Compiler; equal definitions stay
//	updates and publishes a table  table.Update, Config.Publish
//	reports                        Status, the log, Config.Observe
//
// With -clone-route or -edit-route what was read is rewritten before it comes into
// the book (rewrite.go). One changed route among many costs what the one costs: nothing walks the
// whole table.
//
// It promises:
//
//   - One broken definition harms no other. If its id had a route before, that
//     last good one keeps serving, also after an edit that leaves the
//     definition unreadable; a definition that is gone takes its route along.
//     The Status and the log say where the mistake is, the log once.
//   - A source that cannot be read keeps its routes, and so does one that
//     delivers nothing but garbage. The other sources go on. It is read again
//     after a pause of 1 to 30 seconds or when it says that it changed.
//   - Of an id in two sources the earlier source's definition is in force, in
//     the order of Config.Sources; in one source the one that stands first. The
//     others are reported as problems. If the one in force does not compile, no
//     other takes its place.
//   - Invalid routes are compiled again when their source changes and once a
//     minute: what they need, such as a folder, may be there by then.
//   - A route that left the table is closed a minute later, when requests that
//     found it before are done. Of more than 16,384 such routes the oldest are
//     closed earlier.
//
// Start reading at Loop.Run, then Loop.update.
package control
