// Package lease keeps things that several users share for as long as somebody uses
// them, and a while longer: counters, queues and the like, which outlive the routes
// that need them from one set of routes to the next.
//
// It promises that two who take the same key at the same time have the same thing,
// and that what nobody has used for its time is forgotten when something is taken
// next. It starts no goroutine, and it closes nothing: the things need no end.
//
// Start reading at Book.Take.
package lease
