package exchange

import (
	"time"

	"fairlead.dev/fairlead/message"
)

// Upstream is the backend's side of one exchange after the other (HTTP/1: a
// connection) or of a single one (HTTP/2: a stream).
type Upstream interface {
	// Do sends req and reads the head of its response into resp, whose body is
	// left to be read. The error is a *SendError. Expired time limits show as
	// sock.ErrTimeout below it, malformed responses as *ProtocolError. Status 101
	// means that Tunnel may follow, whatever the protocol below calls it.
	Do(req *message.Request, resp *message.Response, o *SendOptions) error
	// LimitBody bounds the reading of the response's body: something must arrive
	// within idle (0: any time), and all of it before by on the sweeper's clock
	// (0: any time).
	LimitBody(idle time.Duration, by int64)
	// Tunnel returns the backend's end of the tunnel, after Do gave status 101.
	Tunnel() Pipe
	// Reused reports whether the connection carried an exchange before: that it
	// ended says nothing about the request then.
	Reused() bool
	// Finish ends the exchange and reports whether its connection is good for
	// another one. Strings of the response are invalid afterwards.
	Finish() bool
	// Interrupt makes what waits, and all that follows, fail. It may be called by
	// any goroutine.
	Interrupt()
	// Close gives up the exchange and what cannot be used again of its
	// connection: all of it under HTTP/1, the stream under HTTP/2.
	Close() error
}

// SendOptions say how a request is sent.
type SendOptions struct {
	// Host is the value of the Host field, or of :authority.
	Host string
	// Trailers says that the client accepts trailers (TE: trailers).
	Trailers bool
	// Expect keeps the Expect field: the backend decides about the body, and
	// Continue asks the client for it.
	Expect   bool
	Continue func() error
	// From can stop the reading of the request's body; may be nil.
	From BodySource
	// Upgrade is the protocol to ask for, "" for none.
	Upgrade string
	// Absolute makes the target a whole URL with this scheme and Host as its
	// authority: the backend is a proxy (RFC 9112 3.2.2). "" is the usual target.
	Absolute string
	// Script is the file that a FastCGI backend runs; "" is the usual one.
	Script string
	// RemoveHopFields drops the proxy authentication fields too.
	RemoveHopFields bool

	// Now is the sweeper's clock; Timeout bounds the wait for the response's
	// head, counted from the last byte sent.
	Now     int64
	Timeout time.Duration
	// ExpectTimeout bounds the wait for "100 Continue".
	ExpectTimeout time.Duration
	// Inform is called for interim responses (103 and its kin); may be nil.
	Inform func(*message.Response)
}

// BodySource is where a request's body comes from.
type BodySource interface {
	// HoldRead makes reads fail until it is called with false.
	HoldRead(on bool)
}

// Upload is what an Upstream puts in the place of a request's body that it sends
// while the response is read.
type Upload interface {
	// Read fails: the body is read already.
	Read(p []byte) (int, error)
	// Sent reports whether the whole body was sent. Nobody reads it any more then.
	// After Finish or Close nobody does in any case.
	Sent() bool
	// BodyError returns why the body could not be read from its source, nil as
	// long as it could.
	BodyError() error
}
