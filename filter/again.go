package filter

import (
	"time"

	"fairlead.dev/fairlead/kit/budget"
	"fairlead.dev/fairlead/kit/pairs"
)

// Retry says when a request whose attempt failed is sent again, to another
// endpoint. It is shared by the exchanges of a route.
type Retry struct {
	// Attempts bounds how often the request is sent in all.
	Attempts int
	// Statuses are those of responses that count as failures. Having none at all,
	// in time, always does.
	Statuses pairs.Statuses
	// Timeout bounds the making of the connection, and then the wait for the head
	// of the response, of one attempt; 0: as without retries.
	Timeout time.Duration
	// Backoff is the longest wait before the second attempt; each further one waits
	// up to twice as long. The wait is random. 0: none.
	Backoff time.Duration
	// Same allows the endpoint that failed where there is no other.
	Same bool
	// Repeat says which requests may be sent again.
	Repeat
}

// Hedge says when a request that waits for its response is sent to another endpoint
// at the same time. The first response is taken. It is shared by the exchanges of a
// route.
type Hedge struct {
	// Delay is how long a response is waited for before the request is sent to one
	// more endpoint.
	Delay time.Duration
	// Max bounds the additional endpoints.
	Max int
	// Won, if set, counts the responses of additional endpoints that were taken.
	Won Counter
	// Repeat says which requests may be sent again.
	Repeat
}

// Repeat says which requests may be sent more than once, and how many.
type Repeat struct {
	// Methods are those that may be repeated. Empty means those that are idempotent
	// (RFC 9110 9.2.2), "*" all.
	Methods []string
	// Body is the length of the longest body that is kept for sending it again, in
	// bytes: requests with longer ones are sent once.
	Body int
	// Budget bounds how many requests are sent again.
	Budget *budget.Budget
	// Sent counts what is sent again, Saved what the budget did not allow; both may
	// be nil.
	Sent, Saved Counter
}

// May reports whether requests with method may be sent more than once.
func (r *Repeat) May(method string) bool {
	if len(r.Methods) == 0 {
		return Idempotent(method)
	}
	for _, m := range r.Methods {
		if m == method || m == "*" {
			return true
		}
	}
	return false
}

// Spend asks the budget for one more sending, now on the clock of the budget, and
// counts it.
func (r *Repeat) Spend(now int64) bool {
	ok := r.Budget == nil || r.Budget.Spend(now)
	count := r.Sent
	if !ok {
		count = r.Saved
	}
	if count != nil {
		count.Add(1)
	}
	return ok
}

// Idempotent reports whether sending a request with method twice has the effect of
// sending it once (RFC 9110 9.2.2).
func Idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}
