// Package accesslog holds the filters that say what the access log writes about
// an exchange.
//
// It promises that the last filter of a route that switches the log decides;
// keys to mask add up.
//
// unverifiedAuditLog tells it a name that nobody has verified. The family does not
// write the log. auditLog has lines of its own: they are written by a goroutine that
// runs while there are any (audit_output.go), and an output that does not keep up
// costs lines and no time.
//
// Start reading at enable.go.
package accesslog
