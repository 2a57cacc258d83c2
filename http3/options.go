package http3

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the options of HTTP/3.
type Values struct {
	Address       string        `flag:"http3-address" doc:"UDP address where the proxy listens for HTTP/3, such as :9443; empty: HTTP/3 is off"`
	AdvertisePort int           `flag:"http3-advertise-port" doc:"port of HTTP/3 that clients are told (Alt-Svc), where it is another one than that of -http3-address"`
	AltSvcMaxAge  time.Duration `flag:"http3-alt-svc-max-age" doc:"how long clients may remember that HTTP/3 is served; 0: they are not told"`
	MaxStreams    int           `flag:"http3-max-streams" doc:"most requests at a time of one HTTP/3 connection"`
	MaxConns      int           `flag:"http3-max-connections" doc:"most HTTP/3 connections at a time; 0: no limit"`
	MaxPerClient  int           `flag:"http3-max-connections-per-client" doc:"most HTTP/3 connections at a time of one client address (IPv6: of a /64 network); 0: no limit"`
	RetryFrom     int           `flag:"http3-retry-handshakes" doc:"with so many handshakes in flight, further clients have to prove their address first (Retry, RFC 9000 8.1.2)"`
}

// Options declares the options of HTTP/3.
var Options = option.Define("http3", Values{
	AltSvcMaxAge: 24 * time.Hour,
	MaxStreams:   100,
	MaxConns:     20000,
	RetryFrom:    128,
})
