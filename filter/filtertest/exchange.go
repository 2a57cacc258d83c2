package filtertest

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Exchange is one request, its response and the filters between.
type Exchange struct {
	// Context is what filters get; Request and Response are in it.
	*filter.Context
	// Backend answers requests that no filter answered. The default answers 200
	// without a body.
	Backend func(*message.Request) *message.Response
	// Done is what Context.Context returns; the default ends with the test.
	Done context.Context
	// Routes answers what filters send through the routes (filter.Router); nil: there
	// is no router.
	Routes func(context.Context, *message.Request) (*message.Response, error)
	// Forwarded reports whether the request reached the backend.
	Forwarded bool

	t testing.TB
}

// New returns an exchange whose client, 192.0.2.1, sent a GET of
// http://www.example.org/. Change Request before Run; after changing its
// method, host, path or query call Restart.
func New(t testing.TB) *Exchange {
	t.Helper()
	x := &Exchange{Context: &filter.Context{}, Done: t.Context(), t: t}
	req := &message.Request{
		Method: "GET", Scheme: "http", Host: "www.example.org", Path: "/", RawPath: "/", Major: 1, Minor: 1,
		Remote: netip.MustParseAddrPort("192.0.2.1:54321"),
		Local:  netip.MustParseAddrPort("198.51.100.1:9090"),
	}
	req.Header.Add("Host", "www.example.org")
	x.Begin(req, host{x})
	return x
}

// Get is New with the target of the request, such as "/a%20b?c=d".
func Get(t testing.TB, target string) *Exchange {
	t.Helper()
	x := New(t)
	raw, query, _ := strings.Cut(target, "?")
	decoded, ok := message.UnescapePath(raw)
	if !ok {
		t.Fatalf("target %q: invalid percent-encoding", target)
	}
	x.Request.Path, x.Request.RawPath, x.Request.Query = decoded, raw, query
	x.Restart()
	return x
}

// Restart begins the exchange anew with the request as it is.
func (x *Exchange) Restart() {
	x.Begin(x.Request, host{x})
	x.Forwarded = false
}

type host struct{ x *Exchange }

func (h host) Context() context.Context { return h.x.Done }

func (h host) Router() filter.Router {
	if h.x.Routes == nil {
		return nil
	}
	return router(h)
}

type router struct{ x *Exchange }

// Exchange implements filter.Router.
func (r router) Exchange(ctx context.Context, req *message.Request) (*message.Response, error) {
	return r.x.Routes(ctx, req)
}

// Run runs both phases of filters, given in the order of the route.
func (x *Exchange) Run(filters ...filter.Filter) {
	x.t.Helper()
	reached := x.RunRequest(filters...)
	if !x.Served() {
		x.Forwarded = true
		x.Response = x.answer()
	}
	x.RunResponse(filters[:reached]...)
	x.RunEnd(filters[:reached]...)
}

// RunEnd tells the filters that the exchange has ended, in reverse order. The body
// of the response may still be read: for tests the answer is sent already.
func (x *Exchange) RunEnd(filters ...filter.Filter) {
	x.Result.Reason = x.Refused()
	if x.Response != nil {
		x.Result.Status = x.Response.Status
	}
	for i := len(filters) - 1; i >= 0; i-- {
		if e, ok := filters[i].(filter.Ender); ok {
			e.End(x.Context)
		}
	}
}

// RunRequest runs the request phase and returns how many of the filters have a
// response phase to run: all, or those up to the one that answered.
func (x *Exchange) RunRequest(filters ...filter.Filter) int {
	for i, f := range filters {
		if !runsIn(f, filter.InRequest) {
			continue
		}
		f.Request(x.Context)
		if x.Served() {
			return i + 1
		}
	}
	return len(filters)
}

// RunResponse runs the response phase in reverse order.
func (x *Exchange) RunResponse(filters ...filter.Filter) {
	for i := len(filters) - 1; i >= 0; i-- {
		if runsIn(filters[i], filter.InResponse) {
			filters[i].Response(x.Context)
		}
	}
}

func runsIn(f filter.Filter, p filter.Phase) bool {
	h, ok := f.(filter.Hints)
	return !ok || h.Phases()&p != 0
}

func (x *Exchange) answer() *message.Response {
	if x.Backend == nil {
		return &message.Response{Status: 200}
	}
	return x.Backend(x.Request)
}

// Answer makes the backend answer with status, a body and fields, given as name
// and value in turn. A body of "" is none.
func (x *Exchange) Answer(status int, body string, fields ...string) {
	x.Backend = func(*message.Request) *message.Response {
		resp := &message.Response{Status: status, ContentLength: int64(len(body))}
		for i := 0; i+1 < len(fields); i += 2 {
			resp.Header.Add(fields[i], fields[i+1])
		}
		if body != "" {
			resp.Body = io.NopCloser(strings.NewReader(body))
		}
		return resp
	}
}

// Target returns the request target as it goes to the backend.
func (x *Exchange) Target() string {
	if x.Request.Query == "" {
		return x.Request.RawPath
	}
	return x.Request.RawPath + "?" + x.Request.Query
}

// ResponseBody reads the body of the response to its end and closes it.
func (x *Exchange) ResponseBody() string {
	x.t.Helper()
	if x.Response == nil || x.Response.Body == nil {
		return ""
	}
	b, err := io.ReadAll(x.Response.Body)
	if err != nil {
		x.t.Errorf("read the body of the response: %v", err)
	}
	if c, ok := x.Response.Body.(io.Closer); ok {
		if err := c.Close(); err != nil {
			x.t.Errorf("close the body of the response: %v", err)
		}
	}
	return string(b)
}

// Fields returns the values of all fields of h called name.
func Fields(h *message.Header, name string) []string {
	var all []string
	for v := range h.Values(name) {
		all = append(all, v)
	}
	return all
}

// Allocs returns the average number of allocations of running filters over the
// request as it is. The response is made once and reused.
func (x *Exchange) Allocs(filters ...filter.Filter) float64 {
	x.t.Helper()
	return testing.AllocsPerRun(100, x.Again(filters...))
}

// Again returns a function that runs filters over the request as it is now, from
// the beginning each time: for benchmarks and to count allocations. It takes no
// memory itself. The answer is made once; a body that a filter put in place is read to
// its end, and the body of the answer rewound if it is an io.Seeker.
func (x *Exchange) Again(filters ...filter.Filter) func() {
	req, resp := *x.Request, x.answer()
	answered := *resp
	sent := append([]message.Field(nil), x.Request.Header.Fields()...)
	fields := append([]message.Field(nil), resp.Header.Fields()...)
	h, buf := host{x}, make([]byte, 4<<10)
	return func() {
		header := refill(x.Request.Header, sent)
		*x.Request = req
		x.Request.Header = header
		x.Begin(x.Request, h)
		reached := x.RunRequest(filters...)
		if !x.Served() {
			header := refill(resp.Header, fields)
			*resp = answered
			resp.Header = header
			rewind(resp.Body)
			x.Response = resp
		}
		x.RunResponse(filters[:reached]...)
		if x.Response.Body != answered.Body {
			drain(x.Response.Body, buf)
		}
		x.RunEnd(filters[:reached]...)
	}
}

func refill(h message.Header, fields []message.Field) message.Header {
	h.Reset()
	for i := range fields {
		h.AddField(fields[i])
	}
	return h
}

func rewind(body io.Reader) {
	if s, ok := body.(io.Seeker); ok {
		_, _ = s.Seek(0, io.SeekStart) // one that cannot is read once only
	}
}

// drain reads what a filter made of a body to its end, however it ends.
func drain(body io.Reader, buf []byte) {
	if body == nil {
		return
	}
	for {
		if _, err := body.Read(buf); err != nil {
			break
		}
	}
	if c, ok := body.(io.Closer); ok {
		_ = c.Close() // as the client that goes away
	}
}
