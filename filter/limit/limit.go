package limit

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/lease"
	"fairlead.dev/fairlead/kit/window"
	"fairlead.dev/fairlead/message"
)

// mostClients is how many clients have a counter of their own for one limit.
const mostClients = 1 << 17

// never is what clients are told to wait for when nothing is allowed at all.
const never = 5 * 365 * 24 * time.Hour

// kind is what a limit counts.
type kind uint8

const (
	inAll kind = iota
	perClient
	perEndpoint
)

// settings are what counters are told apart by.
type settings struct {
	kind  kind
	by    string // what tells clients apart, or the group
	n     int
	every time.Duration
}

// counter counts what settings say; one of both is nil.
type counter struct {
	all  *window.Window
	each *window.Limiter
}

// book has the counters of the process.
type book = lease.Book[settings, counter]

type bookKey struct{}

// share is a counter in use.
type share = lease.Lease[settings, counter]

// take returns the counter of s, which outlives its last user by the time after
// which it would be empty.
func take(env *filter.Env, s settings) *share {
	b := env.Shared(bookKey{}, func() any { return new(book) }).(*book)
	return b.Take(s, s.every, func() counter {
		if s.kind == inAll {
			return counter{all: window.New(s.n, s.every)}
		}
		return counter{each: window.NewLimiter(s.n, s.every, mostClients)}
	})
}

// counts and period are the parameters that most filters begin with.
func counts() arg.Param {
	return arg.Param{Name: "requests", Type: arg.Int, Min: 0, Max: 1e9}
}

func period() arg.Param { return arg.Param{Name: "time", Type: arg.Duration, Unit: time.Second} }

func status() arg.Param {
	return arg.Param{Name: "status", Type: arg.Int, Min: 200, Max: 599, Optional: true}
}

// readLimit reads n and the time from the arguments at i and after.
func readLimit(v arg.Values, i int) (n int, every time.Duration, err error) {
	n, every = v.Int(i), v.Duration(i+1)
	if every <= 0 {
		return 0, 0, v.Wrong(i+1, "found %s, expected a duration above zero", every)
	}
	return n, every, nil
}

// refusal is the answer to requests beyond a limit.
type refusal struct {
	status  int    // 0: that of the reason
	perHour string // the limit, as X-Rate-Limit says it
	n       int
}

func newRefusal(n int, every time.Duration, status int) refusal {
	perHour := float64(n) * (float64(time.Hour) / float64(every))
	return refusal{status: status, n: n, perHour: strconv.FormatInt(int64(min(perHour, 1<<62)), 10)}
}

// refuse answers the request.
func (r *refusal) refuse(c *filter.Context, wait time.Duration) {
	r.complete(c.Refuse(message.ReasonRateLimited), message.ReasonRateLimited, wait)
}

// complete makes resp, the answer of why, that of this limit. What was put into
// the words of gRPC keeps its status.
func (r *refusal) complete(resp *message.Response, why message.Reason, wait time.Duration) {
	if r.n == 0 {
		wait = never
	}
	if r.status != 0 && r.status != resp.Status && resp.Status == why.Status() {
		resp.Status, resp.Reason = r.status, ""
		text := http.StatusText(r.status) + "\n"
		resp.SetBody(strings.NewReader(text), int64(len(text)))
	}
	resp.Header.Set("X-Rate-Limit", r.perHour)
	resp.Header.Set("Retry-After", strconv.FormatInt(int64(max((wait+time.Second-1)/time.Second, 1)), 10))
}
