// Package issuer knows those who issue tokens: where their services are, with which
// keys they sign, and whether a token is theirs.
//
// The walk: In returns the Book of the process, which has a Provider for the URL of
// an issuer and Keys for the URL of a key set. Keys.Verify parses a token, finds the
// key that it names, verifies signature, times, issuer and audience, and returns
// its claims. Documents are fetched when they are first needed, again when they
// are old, and once more when a token names a key that is not known.
//
// It promises:
//
//   - Only signatures with public keys count (RS, PS, ES and EdDSA): neither "none"
//     nor HMAC, whatever the token says, and only the algorithm of the key if the
//     key names one. Keys for encryption and short RSA keys are not used.
//   - A token without an expiry is refused; so is one that is expired, not valid
//     yet, of another issuer, or for another audience when one is asked for.
//   - Many who wait for a document cause one request; tokens with made-up keys
//     cause one request in ten seconds. Failures are tried again ever more slowly,
//     and meanwhile answered at once.
//   - While an issuer cannot be reached its last good document counts on for a day.
//   - An issuer of https names no services of http, and is who it says it is.
//
// An error that is ErrToken is the token's fault; any other says that it could not
// be found out. Neither holds the token.
//
// For tokens that say nothing themselves there are two services to ask: Service is
// that of -oauth2-tokeninfo-url, which remembers answers as long as the options and
// the token allow, and Provider.Introspect is that of an issuer.
//
// It does not log anybody in and does not decide what a token may do.
//
// Start reading at Keys.Verify, then document.get.
package issuer
