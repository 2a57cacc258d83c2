package listen

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the options of the listeners (spec 1.8: TCP queue).
type Values struct {
	MaxConnections          int           `flag:"max-connections" doc:"how many connections of clients there may be at once, those that wait in the TCP queue included; more are reset. 0: no limit"`
	MaxConnectionsPerClient int           `flag:"max-connections-per-client" doc:"the same for each client: an IPv4 address, or an IPv6 network of 64 bits. 0: no limit"`
	MaxHandshakes           int           `flag:"max-tls-handshakes" doc:"how many TLS handshakes may be under way at once; when one more begins, the oldest is ended. 0: no limit"`
	HandshakeTimeout        time.Duration `flag:"tls-handshake-timeout" doc:"a TLS handshake must be done within this time"`

	UpgradeTimeout time.Duration `flag:"upgrade-timeout" doc:"after SIGUSR2: the new process must be ready to serve within this time, or this one goes on"`

	EnableQueue   bool `flag:"enable-tcp-queue" doc:"bound the connections that are served at once; others wait, and the last that came is served first"`
	ExpectedBytes int  `flag:"expected-bytes-per-request" doc:"with -enable-tcp-queue: the memory limit of the container divided by this is how many connections are served at once"`
	Concurrency   int  `flag:"max-tcp-listener-concurrency" doc:"with -enable-tcp-queue: how many connections are served at once; 0: see -expected-bytes-per-request"`
	QueueSize     int  `flag:"max-tcp-listener-queue" doc:"with -enable-tcp-queue: how many connections may wait; 0: ten for each that is served, but not more than 50000"`

	EnableProxy bool     `flag:"enable-proxy-protocol" doc:"take the addresses of clients from PROXY headers, version 1 or 2, of the networks in -proxy-allow-cidrs; one from elsewhere ends the connection, and connections without one are served as they are"`
	ProxyAllow  []string `flag:"proxy-allow-cidrs" doc:"networks whose PROXY headers are believed"`
	ProxyDeny   []string `flag:"proxy-deny-cidrs" doc:"networks whose PROXY headers end the connection, whatever -proxy-allow-cidrs and -proxy-skip-cidrs say"`
	ProxySkip   []string `flag:"proxy-skip-cidrs" doc:"networks in which PROXY headers are not looked for, whatever -proxy-allow-cidrs says"`
}

// Options declares the options of the listeners.
var Options = option.Define("listen", Values{
	// A handshake that waits for its client holds about 12 KB, so these are some
	// 50 MB. What is computed is bounded apart: see Gate.
	MaxHandshakes:    4096,
	HandshakeTimeout: 10 * time.Second,
	UpgradeTimeout:   time.Minute,
	ExpectedBytes:    50 << 10,
})
