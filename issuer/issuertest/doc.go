// Package issuertest is an issuer of tokens for tests: a server with metadata, keys
// and introspection that signs what it is told to.
//
// The walk: New starts an Issuer, Token signs claims with its newest key, Rotate
// gives it another one.
//
// It promises to be strict: it answers what the documents say, counts what it is
// asked, and can be made to fail. It does not log anybody in.
//
// Start reading at Issuer.
package issuertest
