package filter

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"fairlead.dev/fairlead/message"
)

// Context is one request on its way through the filters of its route. It is
// valid until the exchange ends.
type Context struct {
	// Request as it will be sent to the backend.
	Request *message.Request
	// Response is nil until a backend or a filter answered.
	Response *message.Response
	// RouteID is the id of the matched route.
	RouteID string
	// Params are the values that the path predicates bound.
	Params message.Params

	// Upstream is what filters ask of the forwarding step.
	Upstream Upstream
	// AccessLog is what filters ask of the access log.
	AccessLog AccessLog
	// Client is what filters ask of the client's side.
	Client Client
	// Trace is what filters say for the trace of the request.
	Trace Trace
	// Guards are asked before the request is sent to an endpoint, in order.
	Guards []Guard
	// Failed is why no backend answered and Fairlead does: for the response phase of
	// filters that handle errors, ReasonNone before and for all other responses.
	Failed message.Reason
	// Result is how the exchange ended: for End, empty before.
	Result Result

	// Original keeps the parts of the request as the client sent it.
	Original Original

	values  []keyed
	host    Host
	served  bool
	refused message.Reason

	recovered bool
}

// Original is the request line and Host as the client sent them; filters do
// not change it. The strings end with the exchange.
type Original struct {
	Method, Host, Path, RawPath, Query string
}

// Upstream is what filters ask of the forwarding step. The zero value asks for
// nothing: the route decides.
type Upstream struct {
	// Host is the Host field to send; "" means the backend's own address, or
	// the client's Host when it is preserved.
	Host string
	// PreserveHost says whether the client's Host is sent on.
	PreserveHost Switch
	// Scheme and Address choose the target of a dynamic backend.
	Scheme, Address string
	// Configured says that Address is the configuration's word and not the
	// request's: it may be any. Targets that requests choose are guarded.
	Configured bool
	// TLS says how an https backend is verified.
	TLS BackendTLS
	// ProxyProtocol is the version of the PROXY header that begins the connection
	// to the backend, 1 or 2; 0 is none.
	ProxyProtocol int
	// Script is the file that a FastCGI backend runs; "" is its usual one.
	Script string
	// ToProxy says that the backend is a proxy: it is asked for a whole URL, with
	// the Host that the client asked for.
	ToProxy bool
	// Timeout bounds the whole exchange with the backend; 0 is the default.
	Timeout time.Duration
	// HashKey is the key of consistent hashing; "" means the client's address.
	HashKey string
	// HashBalance is the load bound of consistent hashing: no endpoint gets
	// more than HashBalance times the average; 0 means no bound.
	HashBalance float64
	// FadeIn is the time in which a new endpoint comes to its full share of the
	// requests, FadeInExponent how (backend.Pick); 0: at once.
	FadeIn         time.Duration
	FadeInExponent float64
	// Retry and Hedge say when the request is sent more than once; nil: only where
	// it cannot have been processed.
	Retry *Retry
	Hedge *Hedge
}

// BackendTLS says how the connection to an https backend is secured. The zero
// value verifies with the authorities of the system.
type BackendTLS struct {
	// CAFile has the authorities to verify with (PEM).
	CAFile string
	// ServerName is asked for and verified; "" means the host of the address.
	ServerName string
	// CertFile and KeyFile are shown to a backend that asks (PEM).
	CertFile, KeyFile string
	// InsecureSkipVerify takes any certificate.
	InsecureSkipVerify bool
}

// AccessLog is what filters ask of the access log.
type AccessLog struct {
	Enabled Switch
	// Prefixes limits Enabled to status codes: "4" means 400 to 499, "40" 400
	// to 409, "404" just that. Empty means all.
	Prefixes []int
	// MaskQuery lists query keys whose values are not logged.
	MaskQuery []string
}

// Switch is a setting that can also be left alone.
type Switch uint8

// The states of a Switch.
const (
	Default Switch = iota
	On
	Off
)

// Client is what filters ask of the client's side. The zero value asks for
// nothing: the options decide.
type Client struct {
	// ReadTimeout bounds the reading of the request's body from now on.
	ReadTimeout time.Duration
	// WriteTimeout bounds the sending of the whole response.
	WriteTimeout time.Duration
}

// Result is how an exchange ended.
type Result struct {
	// Status is what was sent, 0 when nothing was.
	Status int
	// Bytes of the response's body that were sent.
	Bytes int64
	// Reason is why Fairlead itself answered or gave up, ReasonNone if it did not.
	Reason message.Reason
}

// Host is what the proxy provides to the filters of one exchange.
type Host interface {
	// Context is cancelled when the client goes away, the exchange times out
	// or the process ends. It is made at the first call.
	Context() context.Context
	// Router is the proxy itself. It outlives the exchange.
	Router() Router
}

// Router sends requests of Fairlead's own through the routes.
type Router interface {
	// Exchange routes req, as if a client had sent it, in an exchange of its own
	// that ends with ctx and when the body of the response was closed, which the
	// caller must do if it is not nil. req must share nothing with another exchange
	// (Request.Clone) and is not the caller's any more; its Depth says how many
	// rounds of routing it has behind it already, and it fails where clients'
	// requests would be in a loop (loop-limit). A body that is an io.Closer is
	// closed once nothing more of it is wanted, also when there is an error: Close
	// may come while Read waits and has to end that.
	//
	// The response shares nothing with the exchange but its body, which comes as
	// fast as it is read; its fields are those that are passed on. Failures are
	// responses, as they are for clients. The error says why there is none at all:
	// too many such exchanges are under way, or the process ends, or ctx did.
	Exchange(ctx context.Context, req *message.Request) (*message.Response, error)
}

// Begin prepares c for an exchange. The proxy calls it, and tests of filters.
func (c *Context) Begin(req *message.Request, host Host) {
	c.empty()
	c.Request, c.host = req, host
	c.Original = Original{Method: req.Method, Host: req.Host, Path: req.Path, RawPath: req.RawPath, Query: req.Query}
}

// End lets go of everything that belongs to the exchange.
func (c *Context) End() { c.empty() }

// empty keeps nothing but memory.
func (c *Context) empty() {
	clear(c.values)
	clear(c.Params)
	clear(c.Guards)
	clear(c.Trace.Tags)
	*c = Context{
		values: c.values[:0], Params: c.Params[:0], Guards: c.Guards[:0], Trace: Trace{Tags: c.Trace.Tags[:0]},
	}
}

// Context returns a context that ends with the exchange; filters that block
// pass it on.
func (c *Context) Context() context.Context {
	if c.host == nil {
		return context.Background()
	}
	return c.host.Context()
}

// Router returns what sends requests of Fairlead's own through the routes, nil
// where there are none (tests, and hosts of other kinds). It may be used after
// the exchange.
func (c *Context) Router() Router {
	if c.host == nil {
		return nil
	}
	return c.host.Router()
}

// Serve answers the request without a backend: the filters that follow do not
// see the exchange, the response phase begins with the filter that answered.
// resp must not be shared between exchanges.
func (c *Context) Serve(resp *message.Response) {
	c.Response, c.served = resp, true
}

// ServeText answers with a short text. It copies nothing: body must be
// immutable.
func (c *Context) ServeText(status int, contentType, body string) {
	resp := &message.Response{Status: status, ContentLength: int64(len(body))}
	if contentType != "" {
		resp.Header.Add("Content-Type", contentType)
	}
	if body != "" {
		resp.Body = io.NopCloser(strings.NewReader(body))
	}
	c.Serve(resp)
}

// Refuse answers the request without a backend for a reason of the closed list,
// which stands in the access log and the metrics: with the status of the reason
// and its text. The caller may change the response it returns.
func (c *Context) Refuse(why message.Reason) *message.Response {
	text := http.StatusText(why.Status()) + "\n"
	resp := &message.Response{Status: why.Status()}
	resp.Header.Add("Content-Type", "text/plain; charset=utf-8")
	resp.Header.Add("X-Content-Type-Options", "nosniff")
	resp.SetBody(strings.NewReader(text), int64(len(text)))
	c.refused = why
	c.Serve(resp)
	return resp
}

// Recover answers with resp after all where forwarding failed: for filters that
// handle errors (ErrorHandler), in their response phase. Those before them see resp
// as they see every response. Where nothing failed it only replaces the response.
// The body of the response before is closed.
func (c *Context) Recover(resp *message.Response) {
	if old := c.Response; old != nil && old != resp {
		if body, ok := old.Body.(io.Closer); ok {
			_ = body.Close() // nobody reads it any more
		}
	}
	c.Response, c.recovered = resp, true
}

// Recovered reports whether Recover was called.
func (c *Context) Recovered() bool { return c.recovered }

// Served reports whether a filter answered the request.
func (c *Context) Served() bool { return c.served }

// Refused returns why a filter refused the request, ReasonNone if none did.
func (c *Context) Refused() message.Reason { return c.refused }

// Resume makes the context fit for another round of routing (loopback).
func (c *Context) Resume() {
	c.served, c.refused, c.Response, c.Params, c.recovered = false, message.ReasonNone, nil, c.Params[:0], false
}

type keyed struct {
	key   any
	value any
}

// Key names a value of type T that filters of one exchange tell each other.
// Keys are compared by identity: declare each once, as a package variable.
type Key[T any] struct{ name string }

// NewKey returns a key; name is for people.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name: name} }

// String returns the key's name.
func (k *Key[T]) String() string { return k.name }

// Set stores v in c.
func (k *Key[T]) Set(c *Context, v T) {
	for i := range c.values {
		if c.values[i].key == any(k) {
			c.values[i].value = v
			return
		}
	}
	c.values = append(c.values, keyed{k, v})
}

// Get returns the stored value; ok is false when there is none.
func (k *Key[T]) Get(c *Context) (v T, ok bool) {
	for i := range c.values {
		if c.values[i].key == any(k) {
			v, ok = c.values[i].value.(T)
			return v, ok
		}
	}
	return v, false
}
