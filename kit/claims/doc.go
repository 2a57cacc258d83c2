// Package claims reads the claims of a JSON web token without asking whether it
// is genuine: for routing and for logs, never to let anybody in.
//
// The walk: Bearer takes the token out of a field value, Decode its payload
// (RFC 7519 3), Text one claim that is a string. Nothing allocates when the
// caller lends a buffer that the payload fits in and names and values are written
// without escapes.
//
// It promises that what it says of a claim is what a strict reader of JSON
// understands (RFC 8259; of equal names the last counts), and that what is no
// token, or an odd one, has no claims. It verifies nothing.
//
// Start reading at Decode.
package claims
