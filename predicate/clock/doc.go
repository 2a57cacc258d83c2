// Package clock holds the predicates on the time: After, Before, Between
// and Cron.
//
// The time of a request is the moment at which its head was complete, so that
// it is the same for all routes. Names of time zones come with the program: they
// mean the same on every machine. Cron alone asks for the local time of the process.
//
// Start reading at window, then mask.
package clock
