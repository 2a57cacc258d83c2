// Package clock holds the predicates on the time: After, Before and Between.
//
// The time of a request is the moment at which its head was complete, so that
// it is the same for all routes. Names of time zones come with the program: they
// mean the same on every machine.
//
// Start reading at window.
package clock
