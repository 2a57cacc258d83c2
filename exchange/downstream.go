package exchange

import (
	"time"

	"fairlead.dev/fairlead/message"
)

// Handler answers requests; the proxy is one.
type Handler interface {
	// Handle must call Reply, or Accept, once; an exchange it leaves unanswered
	// ends the stream, under HTTP/1 the connection. It runs in a goroutine of the
	// exchange's own and the exchange ends when it returns.
	Handle(d Downstream)
	// Refuse is told about input that is not HTTP; the request holds what could
	// be read of it. It calls Reply as Handle does, where there is somebody to
	// reply to.
	Refuse(d Downstream, err *ProtocolError)
}

// Record is what an exchange carries through engine and proxy.
type Record struct {
	Request message.Request
	// Own is free for the Handler; it stays with the Record when that is used
	// again.
	Own any
	// Begun is when the head was complete, on the clock of the sweeper.
	Begun int64
	// Answered may be set by the Handler to the same clock before Reply; it
	// saves a look at the clock.
	Answered int64
	// Ended may be set by the Handler to the same clock when it is done; it
	// saves another look.
	Ended int64
}

// Downstream is the client's side of an exchange.
type Downstream interface {
	// Record returns the request and what else belongs to the exchange.
	Record() *Record
	// Reply sends the response; its body is read to the end and not closed. The
	// error is ErrReplied or a *ReplyError.
	Reply(resp *message.Response) error
	// Upgrade returns the protocol that the client asks to change to, or "". Who
	// asks means to try it: an HTTP/1 connection ends with the exchange then.
	Upgrade() string
	// Accept answers an upgrade with resp, the 101 of the backend, and returns the
	// client's end of the tunnel. HTTP/2 and HTTP/3 turn the 101 into a 200 (RFC
	// 8441 5). Nothing else may be called afterwards but Sent, Gone and CloseAfter.
	Accept(resp *message.Response) (Pipe, error)
	// SendOptions fills in what the request's own fields say about forwarding it.
	SendOptions(o *SendOptions)
	// CloseAfter makes the connection end with this exchange (HTTP/2: with the
	// exchanges under way).
	CloseAfter()
	// Sent returns the status that was sent (0: none) and the bytes of the body.
	Sent() (status int, bytes int64)
	// Gone reports whether the client hung up or cancelled the exchange.
	Gone() bool
	// OnGone calls fn, once, when that happens before the exchange ends; fn must
	// not block. One fn at a time.
	OnGone(fn func())
	// Pair makes the client's going away interrupt u. It is cheaper than OnGone
	// where both ends are connections.
	Pair(u Upstream)
	// Unpair ends that and reports whether u was left alone.
	Unpair() bool
	// BodyError returns why the request's body could not be read, nil as long as
	// it could.
	BodyError() error
}

// Limiter is a Downstream that takes time limits for its exchange alone.
type Limiter interface {
	// Limit gives the client read from now for the rest of the request's body, in
	// place of ServerConfig.ReadTimeout, and write from the beginning of the response
	// for all of it, on top of ServerConfig.WriteTimeout; 0 leaves a limit as it is.
	// Nobody may read the body or reply meanwhile.
	Limit(read, write time.Duration)
}

// Ender is a Downstream that can end a response whose body broke off otherwise
// than by cutting it.
type Ender interface {
	// End ends the response with trailers that say what happened, after Reply
	// failed because of the backend. It reports whether it could; if not, the
	// response is cut.
	End(trailer *message.Header) bool
}

// Pipe is one end of a tunnel: bytes of another protocol. One goroutine may read
// and one may write at a time.
type Pipe interface {
	// Read returns io.EOF when the peer ended its direction.
	Read(p []byte) (int, error)
	// Write sends all of p.
	Write(p []byte) (int, error)
	// CloseWrite ends the sending direction.
	CloseWrite() error
	// Interrupt makes reads and writes that wait, and all that follow, fail. It
	// may be called by any goroutine.
	Interrupt()
	// Close gives the end back. No other call may be under way.
	Close() error
}
