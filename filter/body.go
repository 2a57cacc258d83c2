package filter

import (
	"strings"

	"fairlead.dev/fairlead/message"
)

// BodyError is what the reader of a body that a filter made returns when the
// exchange cannot go on for a reason of the closed list: the client is answered
// with it, or, when it got a part of an answer, cut off.
type BodyError struct {
	Reason message.Reason
	// Err says more; may be nil.
	Err error
}

// Error says what happened.
func (e *BodyError) Error() string {
	if e.Err == nil {
		return e.Reason.Error()
	}
	return e.Reason.Code() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *BodyError) Unwrap() error { return e.Err }

// ChangedBody makes the fields of a message true whose body a filter changes: what
// was said about its length, its parts and its very bytes is taken back.
func ChangedBody(h *message.Header) {
	h.Del("Content-Length")
	// Ranges and digests were those of other bytes (RFC 9110 8.8, RFC 9530).
	for _, name := range [...]string{"Accept-Ranges", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest"} {
		h.Del(name)
	}
	// A strong validator promises the very same bytes (RFC 9110 8.8.1).
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		h.Set("ETag", "W/"+tag)
	}
}
