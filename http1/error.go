package http1

import (
	"errors"
	"fmt"

	"fairlead.dev/fairlead/message"
)

// ProtocolError says that a message is not HTTP/1 as RFC 9112 defines it. The
// connection it came by cannot be used any further.
type ProtocolError struct {
	Reason message.Reason
	// Detail says what was found.
	Detail string
}

// Error returns reason and detail.
func (e *ProtocolError) Error() string { return e.Reason.Code() + ": " + e.Detail }

// errIncomplete says that more input is needed; it never leaves the package.
var errIncomplete = errors.New("incomplete")

// ErrUnexpectedEnd is returned when a peer ends the connection within a message.
var ErrUnexpectedEnd = errors.New("connection ended within a message")

// ErrUnsendable is returned when a filter left a request that cannot be sent: a
// body that is not as long as was promised, or a target with white space.
var ErrUnsendable = errors.New("the filters left a request that cannot be sent")

// ErrClosed is returned by Serve when the server was told to stop.
var ErrClosed = errors.New("server stopped")

func bad(reason message.Reason, detail string, args ...any) error {
	return &ProtocolError{Reason: reason, Detail: fmt.Sprintf(detail, args...)}
}
