package forward

import (
	"math"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "fadeIn",
	Params: []arg.Param{
		{Name: "duration", Type: arg.Duration},
		{Name: "exponent", Type: arg.Number, Min: 0.01, Max: 100, Optional: true, Default: "1"},
	},
	Doc:       "gives new endpoints their share of the requests little by little: after a part p of the duration it is p to the power of exponent; a number means milliseconds",
	Example:   `* -> fadeIn("3m", 1.5) -> <roundRobin, "http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	Differs:   "An endpoint that no route names for a moment is new when it comes back; Skipper remembers it for a minute. What a new endpoint does not get spreads evenly over the others.",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f := &fadeIn{duration: v.Duration(0), exponent: 1}
		if f.duration < 0 {
			return nil, v.Wrong(0, "found %v, expected a duration of 0 or more", f.duration)
		}
		if v.Has(1) {
			f.exponent = v.Number(1)
		}
		return f, nil
	},
})

type fadeIn struct {
	filter.RequestOnly
	duration time.Duration
	exponent float64
}

func (f *fadeIn) Request(c *filter.Context) {
	c.Upstream.FadeIn, c.Upstream.FadeInExponent = f.duration, f.exponent
}

var _ = filter.Define(filter.Def{
	Name: "endpointCreated",
	Params: []arg.Param{
		{Name: "address", Type: arg.Text},
		{Name: "time", Type: arg.Any},
	},
	Doc:     `says when an endpoint of the route began, for fadeIn: seconds since 1970, or text such as "2026-05-01T12:00:00Z"`,
	Example: `* -> fadeIn("3m") -> endpointCreated("http://127.0.0.1:8080", "2026-05-01T12:00:00Z") -> <"http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	New:     newEndpointCreated,
})

type endpointCreated struct {
	filter.RequestOnly
	address string // host:port
	at      time.Time
}

// latest is the latest time that can be said in nanoseconds since 1970.
const latest = math.MaxInt64 / int64(time.Second)

func newEndpointCreated(v arg.Values, _ *filter.Env) (filter.Filter, error) {
	url := v.Text(0)
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	e, err := new(backend.Set).Acquire(url, "")
	if err != nil {
		return nil, v.Wrong(0, "%w", err)
	}
	f := &endpointCreated{address: e.Address}
	if a := v.Raw()[1]; a.Kind == eskip.NumberArg {
		if !(a.Number >= 0 && a.Number < float64(latest)) {
			return nil, v.Wrong(1, "found %v, expected seconds since 1970", a.Number)
		}
		f.at = time.Unix(0, int64(a.Number*float64(time.Second)))
		return f, nil
	}
	if f.at, err = time.Parse(time.RFC3339, v.Text(1)); err != nil || f.at.Unix() >= latest || f.at.Unix() < 0 {
		return nil, v.Wrong(1, `found %q, expected seconds since 1970 or a time such as "2026-05-01T12:00:00Z"`, v.Text(1))
	}
	return f, nil
}

// Request does nothing: all was said when the route was made.
func (f *endpointCreated) Request(*filter.Context) {}

// Phases implements filter.Hints.
func (f *endpointCreated) Phases() filter.Phase { return 0 }

// Advise implements backend.Adviser.
func (f *endpointCreated) Advise(e *backend.Endpoint) {
	if e.Address == f.address {
		e.SetCreated(f.at)
	}
}

// Withdraw implements backend.Adviser: what began stays so.
func (f *endpointCreated) Withdraw(*backend.Endpoint) {}
