// Package mtls holds the filters that look at the certificate of the client.
//
// The walk: chains.go takes the certificates of the connection and verifies them,
// unless the handshake did; each filter looks at the certificate itself, or at who
// vouches for it, and refuses the request or lets it pass. pass.go tells the
// backend.
//
// It promises: without TLS, without a certificate, and without an authority that
// vouches for it (-mtls-authn-ca, or those of the handshake) nobody passes; only
// the certificate of the client counts, not others that it sent along; the field
// that tells the backend never comes from the client.
//
// It does not ask clients for certificates: that is -tls-client-auth. It looks up
// no revocations.
//
// Start reading at chains.go.
package mtls
