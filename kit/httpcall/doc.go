// Package httpcall calls other services over HTTP, for answers that fit into
// memory: who is this token of, which keys does this issuer have.
//
// The walk: New makes a Client; Do waits for its turn, sends a request, reads the
// answer whole and gives the turn back.
//
// It promises: a call ends with its context, after its timeout, or when the Client
// is closed; an answer is never longer than the Client's bound; no more calls than
// allowed are under way, and those that wait for their turn end like all others.
// Redirects are not followed: an answer from elsewhere is none. Errors name the
// method and where it went, but neither the query nor fields nor bodies, which may
// hold secrets.
//
// It does not retry, cache or decode.
//
// Start reading at Client.Do.
package httpcall
