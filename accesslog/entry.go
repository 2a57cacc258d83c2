package accesslog

import (
	"net/netip"
	"time"

	"fairlead.dev/fairlead/message"
)

// Entry is one exchange as it is logged. Its strings are read during Write
// only. What is not known is left empty.
type Entry struct {
	// Received is when the head of the request was complete.
	Received time.Time
	// Duration is the time from then to the end of the exchange.
	Duration time.Duration

	// Remote is the client's address.
	Remote netip.AddrPort
	// ForwardedFor is the X-Forwarded-For chain of the request; it stands in
	// the place of Remote when there is one.
	ForwardedFor string
	// User is who authenticated.
	User string

	// Method, Path and Query are those of the request line: Path as it was
	// sent, Query without "?".
	Method, Path, Query string
	Major, Minor        uint8
	// Host that was asked for.
	Host               string
	Referer, UserAgent string
	// FlowID is the value of X-Flow-Id, Audit that of X-Unverified-Audit.
	FlowID, Audit string

	// Status that the client got, Size of the body in bytes as sent.
	Status int
	Size   int64

	// Reason says why Fairlead itself answered or gave up. Only JSON shows it.
	Reason message.Reason
	// MaskQuery lists query keys whose values are not logged.
	MaskQuery []string
}
