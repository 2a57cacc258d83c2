// Package forward holds the filters that tell the forwarding step where and how
// to send a request: the Host, the target of a dynamic backend, the key of
// consistent hashing, the time limit, and what the backend learns about the
// client.
//
// The walk: each filter writes a field of filter.Upstream, or an X-Forwarded
// header; the proxy acts on it when the last filter has run.
//
// It promises: a target or host taken from a header is used only if it can be
// one; otherwise the filter does nothing.
//
// It does not decide which targets are allowed: it only says whether a target is
// the configuration's (filter.Upstream.Configured), and the proxy guards others.
//
// Start reading at preserve_host.go.
package forward
