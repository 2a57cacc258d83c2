// Package audit holds the filters that note down who asked for what.
//
// unverifiedAuditLog puts the name that a token claims into a header field, which
// the access log shows: it believes what nobody has verified. It keeps nothing
// itself.
//
// Start reading at unverified.go.
package audit
