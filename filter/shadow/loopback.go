package shadow

import (
	"context"
	"errors"
	"io"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:   "teeLoopback",
	Params: []arg.Param{{Name: "label", Type: arg.Text}},
	Doc:    "sends a copy of the request through the routes once more; the predicate Tee finds it by its label",
	Example: `main: Path("/") -> teeLoopback("blue") -> "http://127.0.0.1:8080";
shadow: Path("/") && Tee("blue") -> "http://127.0.0.1:8081"`,
	Differs: "The exchange never waits for its shadow, as with tee. The label stands in no field of the request, so that no client can make itself a shadow. A shadow makes no other one under its own label: where no route with Tee catches it, Skipper goes around until the limit of loopbacks.",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		if v.Text(0) == "" {
			return nil, v.Wrong(0, "found an empty label, expected the one that the predicate Tee asks for")
		}
		c, err := carrierOf(env)
		if err != nil {
			return nil, err
		}
		return &loopback{carrier: c, label: v.Text(0)}, nil
	},
	Shareable: true,
})

// loopback sends copies of requests through the routes.
type loopback struct {
	carrier *carrier
	label   string
}

// Request implements filter.Filter.
func (f *loopback) Request(c *filter.Context) {
	router := c.Router()
	if router == nil || c.Request.Tee == f.label || strings.EqualFold(c.Request.Method, "CONNECT") || !f.carrier.place("") {
		return
	}
	req := c.Request.Clone()
	req.Tee = f.label
	if t := f.carrier.copyRequest(c); t != nil {
		req.SetBody(t, c.Request.ContentLength)
	}
	f.carrier.carry("", c.RouteID, func(ctx context.Context) error {
		return throughRoutes(ctx, router, &req)
	})
}

func throughRoutes(ctx context.Context, router filter.Router, req *message.Request) error {
	resp, err := router.Exchange(ctx, req)
	if err != nil || resp.Body == nil {
		return err
	}
	err = drain(resp.Body)
	if c, ok := resp.Body.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

// Response implements filter.Filter.
func (f *loopback) Response(*filter.Context) {}

// Phases implements filter.Hints.
func (f *loopback) Phases() filter.Phase { return filter.InRequest }

// End implements filter.Ender.
func (f *loopback) End(c *filter.Context) { endTapes(c) }
