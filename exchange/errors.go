package exchange

import (
	"errors"

	"fairlead.dev/fairlead/message"
)

// ProtocolError says that a message is not what its protocol allows.
type ProtocolError = message.ProtocolError

// ErrUnexpectedEnd is returned when a peer ends the connection, or the stream,
// within a message.
var ErrUnexpectedEnd = errors.New("connection ended within a message")

// ErrUnsendable is returned when a filter left a request that cannot be sent: a
// body that is not as long as was promised, or a target with white space.
var ErrUnsendable = errors.New("the filters left a request that cannot be sent")

// ErrReplied is returned by a second Reply.
var ErrReplied = errors.New("the request was answered already")

// ErrNoUpgrade is returned when the connection to the backend cannot carry an
// upgrade: HTTP/2 without RFC 8441.
var ErrNoUpgrade = errors.New("the backend's connection takes no upgrades")

// ErrLengthRequired is returned when the backend's protocol has to say how long a
// request's body is before it is sent, and that cannot be found out: FastCGI.
var ErrLengthRequired = errors.New("the length of the body has to be known")

// ReplyError is returned when a response could not be sent completely. The
// stream ends, under HTTP/1 the connection.
type ReplyError struct {
	Err error
	// Backend is true when the body could not be read, false when the client
	// could not be written to.
	Backend bool
}

// Error returns the cause.
func (e *ReplyError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ReplyError) Unwrap() error { return e.Err }

// SendError is returned when no response head was received.
type SendError struct {
	Err error
	// Unsent is true when the backend cannot have processed the request: it may
	// be sent again whatever it is. Nothing was read of its body then.
	Unsent bool
	// Silent is true when a reused connection ended before a byte of the
	// response: an idempotent request may be sent again.
	Silent bool
}

// Error returns the cause.
func (e *SendError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }
