// Package certs keeps certificates, keys and authorities as the files say, and
// makes the TLS configurations of listeners and of connections to backends.
//
// The walk of a handshake: Keeper.Listener makes the configuration of one
// listener. For each ClientHello it asks for the policy of the moment (version,
// suites, client certificates) and Store.Get chooses a certificate: by the exact
// name, by the wildcard one label up (RFC 9525 6.3), or the default; of several,
// the best that the client can use and that is valid now.
//
// The walk of a change: Keeper.Run looks at all files every few seconds, by
// identity, size, time and content, so that writing in place, renaming and the
// swap of symbolic links in Kubernetes mounts are all noticed. What changed is
// parsed; if it is good it is published with one atomic store.
//
// It promises:
//
//   - What is broken at the start refuses to start, but for one pair of a
//     directory, which is left out alone. What breaks later (half a file, the
//     key of another certificate, an expired one over a valid one, an unreadable
//     authority) is logged with its place and what to do, and the last good one
//     serves on.
//   - Client certificates are never verified against nothing: a mode that
//     verifies needs an authority, and an authority that is missing, empty or
//     garbage is an error.
//   - A session is resumed only by the listener that began it, under the policy
//     and the authorities it began with, and for the same server name
//     (CVE-2025-23419). Client certificates of resumed sessions are verified
//     again.
//   - A backend whose authority cannot be read gets no request: every handshake
//     fails until the file is good.
//   - A lookup takes no lock. Keys appear in no log and no error.
//
// It does not listen, speak HTTP, obtain certificates (they come in through
// Store.Set) or ask for passwords of encrypted keys, and it looks up no
// revocations.
//
// Start reading at New, then Keeper.Listener, Store.Get and kept.look.
package certs
