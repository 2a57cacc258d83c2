// Package judges holds tests in which somebody else's program says whether
// Fairlead is right: a certificate authority, a conformance suite, a client. It
// is a module of its own, so that what they need is no requirement of Fairlead.
//
//	make judges-test   # the quick ones, a minute; make test runs them too
//	make judges        # all
//
// The walk: each judge is pinned by a `tool` line in go.mod and built from the
// module proxy (build), started on free ports of loopback, and asked. A test
// skips, and says why, only when the judge cannot be downloaded.
//
// The judges: Pebble, the test CA of Let's Encrypt, for package acme
// (acme_test.go), h2spec for package http2 (h2spec_test.go), and
// grpc-go: its interop client and server (grpc_interop_test.go) and what they do
// not ask, with its library (grpc_test.go, grpc_balance_test.go), through Fairlead
// as users run it (proxy_test.go).
//
// npm's oidc-provider, a certified OpenID provider, judges the logins together with
// a headless Chromium that walks through them (oidc_test.go, oidc_walks_test.go);
// oidc/install gets both, from npm and from Debian, when they are missing.
//
// php-fpm of Debian, which the test installs where it can (debian in
// debian_test.go), runs a program behind package fastcgi (php_test.go).
//
// Two judges are clients of our own: siege_test.go attacks the program while
// honest clients say whether they notice, and files_test.go gives it broken
// certificates.
//
// Start reading at build in main_test.go, then a judge's test.
package judges
