// Package accesslog writes one line for each exchange: Apache's combined format
// with the fields that Skipper adds, or JSON with the same names (spec 1.12).
//
// The walk: Open makes the Log that the options ask for. The proxy asks Wanted
// with what the filters of the route said, fills an Entry and calls Write.
// Write formats the line at once, because the strings of an Entry end with the
// exchange, and appends it to a buffer; one goroutine writes the buffer out
// every 200 ms or 64 KB. Close writes the rest.
//
// It promises: a line costs no allocation and no system call on the caller's
// side; a sink that blocks or fails never delays a request: lines that find the
// buffer full are dropped and counted (Dropped); a line is one line, whatever a
// client sends: control characters, quotes and what cannot be printed are
// escaped, in text as \xHH and in JSON as \uHHHH, and long fields are cut.
//
// It does not decide what to log, rotate files (move the file away, then call
// Reopen) or log errors of Fairlead itself, which go to slog.
//
// Start reading at Entry, then Log.
package accesslog
