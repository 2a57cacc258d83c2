// Package seal encrypts short texts that somebody else keeps for us, such as
// cookies in a browser, so that nobody reads, changes or moves them.
//
//	box, err := seal.New(secrets...)
//	text := box.Seal("session of app", plain)
//	plain, err := box.Open("session of app", text)
//
// The walk: ParseSecrets reads a file with one secret or more, New derives a key
// from each, Seal encrypts with the first, Open decrypts with the one that sealed.
// To rotate, put a new secret in front and take the old one away when all that it
// sealed has expired.
//
// It promises: what Open returns was sealed by Seal for the same purpose with one
// of the secrets (XChaCha20-Poly1305 with a random nonce; the purpose is
// authenticated). The text is base64url, fit for cookies and URLs. A Box is
// immutable and safe for concurrent use.
//
// It does not know time: what may expire says so inside. It hides neither how long
// a text is nor that it is the same one as before.
//
// Start reading at Box.
package seal
