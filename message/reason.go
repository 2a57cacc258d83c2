package message

import "fmt"

// Reason says why Fairlead itself answered or refused a request, or gave up on
// an exchange. The list is closed: the same code appears in the access log, in
// the metrics and in `fairlead explain`. The zero Reason is None: a backend or
// a filter answered.
//
// A Reason is one byte, compares with == and can be used as an error:
// fmt.Errorf("dial %q: %w", address, ReasonDialFailed).
type Reason uint8

// The reasons. Their texts are in the table of reasons.go.
const (
	ReasonNone Reason = iota

	// The process and its routes.
	ReasonNoRoute
	ReasonNotReady
	ReasonShuttingDown
	ReasonNoEndpoint
	ReasonNoTarget
	ReasonTargetRefused
	ReasonLoopLimit
	ReasonFilterPanic
	ReasonInternal

	// What the client asked for.
	ReasonQueryInvalid
	ReasonPayloadRefused
	ReasonPayloadTooLarge
	ReasonLengthRequired
	ReasonHostRefused
	ReasonExpectationFailed
	ReasonConnectRefused
	ReasonUpgradeRefused

	// The head of the client's message.
	ReasonBadRequestLine
	ReasonBadMethod
	ReasonBadTarget
	ReasonAmbiguousPath
	ReasonURITooLong
	ReasonBadVersion
	ReasonTLSOnPlainPort
	ReasonBadLineEnding
	ReasonBadHeaderName
	ReasonBadHeaderValue
	ReasonFoldedHeader
	ReasonHeaderTooLarge
	ReasonTooManyHeaders
	ReasonMissingHost
	ReasonDuplicateHost
	ReasonBadHost
	ReasonHostMismatch
	ReasonBadPseudoField
	ReasonConnectionField

	// The framing of the client's message (RFC 9112 6 and 7).
	ReasonBadContentLength
	ReasonConflictingLength
	ReasonBadTransferEncoding
	ReasonUnknownTransferCoding
	ReasonBodyMalformed
	ReasonBadTrailer
	ReasonBodyCut

	// The client's connection.
	ReasonRequestTimeout
	ReasonBodyTimeout
	ReasonClientGone
	ReasonClientStalled

	// The backend.
	ReasonDialFailed
	ReasonDialTimeout
	ReasonNameNotFound
	ReasonTLSFailed
	ReasonBackendBusy
	ReasonBackendTimeout
	ReasonBackendReset
	ReasonBackendClosed
	ReasonBackendMalformed
	ReasonBackendHeaderTooLarge
	ReasonBackendBodyCut
	ReasonBackendBodyTimeout
	ReasonUpgradeFailed

	// What filters refuse.
	ReasonUnauthorized
	ReasonForbidden
	ReasonAuthUnavailable
	ReasonBodyBlocked
	ReasonBodyTransform
	ReasonRateLimited
	ReasonBackendLimited
	ReasonCircuitOpen
	ReasonQueueFull
	ReasonQueueTimeout
	ReasonOverload
	ReasonShadowLoop

	reasonCount
)

// reason is the row of one Reason in the table.
type reason struct {
	code                 string
	status               int
	meaning, cause, next string
}

// Code returns the name of the reason ("no-route"): lower case words joined by
// dashes. It is "" for ReasonNone and for values that are no reason.
func (r Reason) Code() string { return r.row().code }

// String returns the code, or "none". Package fmt prefers Error: use Code where
// the code is meant.
func (r Reason) String() string {
	if c := r.Code(); c != "" {
		return c
	}
	return "none"
}

// Error returns the meaning, so that a Reason can be wrapped in an error.
func (r Reason) Error() string {
	if r.Code() == "" {
		return fmt.Sprintf("no reason (%d)", uint8(r))
	}
	return r.Meaning()
}

// Status returns the HTTP status that goes with the reason: the one the client
// gets when nothing was sent yet, and the one that is logged otherwise. It is
// 0 for ReasonNone. The status of ReasonNoRoute is an option of the proxy
// (-default-http-status).
func (r Reason) Status() int { return r.row().status }

// Meaning says in one sentence what happened.
func (r Reason) Meaning() string { return r.row().meaning }

// Cause says what is usually behind it.
func (r Reason) Cause() string { return r.row().cause }

// Next says what to look at or to do.
func (r Reason) Next() string { return r.row().next }

func (r Reason) row() *reason {
	if r >= reasonCount {
		r = ReasonNone
	}
	return &reasons[r]
}

// Reasons returns every reason in the order of the list, without ReasonNone.
func Reasons() []Reason {
	all := make([]Reason, 0, reasonCount-1)
	for r := ReasonNone + 1; r < reasonCount; r++ {
		all = append(all, r)
	}
	return all
}

// LookupReason returns the reason with the given code; ok is false when there
// is none.
func LookupReason(code string) (r Reason, ok bool) {
	for r := ReasonNone + 1; r < reasonCount; r++ {
		if reasons[r].code == code {
			return r, true
		}
	}
	return ReasonNone, false
}
