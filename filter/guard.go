package filter

import "fairlead.dev/fairlead/message"

// Guard decides, endpoint by endpoint, whether a request may be sent there:
// circuit breakers and limits towards backends. One guard serves many exchanges at
// the same time.
type Guard interface {
	// Allow reports whether the request may be sent to the endpoint at address
	// (host:port). If not, it returns why: the next endpoint is asked, and when
	// there is none the client gets the answer of the reason, which Refusal may
	// change.
	Allow(c *Context, address string) message.Reason
	// Done tells how the attempt ended. It is called once for each Allow that
	// returned ReasonNone: when the head of the response has come, or when it is
	// known that none will.
	Done(c *Context, address string, o Outcome)
	// Refusal adds to the answer of a request that this guard kept from its last
	// endpoint, such as the time after which to come again.
	Refusal(c *Context, resp *message.Response)
}

// Outcome is how an attempt to get a response from an endpoint ended.
type Outcome struct {
	// Status of the response, 0 when there is none.
	Status int
	// Reason is why there is none.
	Reason message.Reason
	// Refused says that another guard refused the endpoint: nothing was sent.
	Refused bool
}

// Failed reports whether the attempt says something bad about the endpoint: no
// response, or one with status 500 or above. That another guard refused, the client
// went away or a filter made a mistake says nothing.
func (o Outcome) Failed() bool {
	switch {
	case o.Status != 0:
		return o.Status >= 500
	case o.Refused, o.Reason == message.ReasonFilterPanic, o.Reason == message.ReasonInternal:
		return false
	}
	return o.Reason.Status() >= 500
}
