package respond

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "status",
	Params:    []arg.Param{statusParam()},
	Doc:       "sets the status of the response",
	Example:   `Path("/gone") -> status(410) -> inlineContent("It is gone.") -> <shunt>`,
	Shareable: true,
	Differs:   "Statuses below 200 are refused: a client that gets one waits for another response.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &status{code: v.Int(0)}, nil
	},
})

// statusParam leaves out 1xx: a client that gets one goes on waiting for the
// response (RFC 9110 15.2).
func statusParam() arg.Param {
	return arg.Param{Name: "status", Type: arg.Int, Min: 200, Max: 999}
}

type status struct {
	filter.ResponseOnly
	code int
}

func (f *status) Response(c *filter.Context) {
	r := c.Response
	if r.Body == nil && c.Request.Method != "HEAD" {
		// A 304 tells the length of a body that it does not have. With another
		// status the client would wait for it.
		r.ContentLength = 0
	}
	r.Status, r.Reason = f.code, ""
}
