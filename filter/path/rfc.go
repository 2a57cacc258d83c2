package path

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "rfcPath",
	Doc:       "keeps reserved characters that the client encoded, such as %2F, as they are in what later filters make of the path",
	Example:   `* -> rfcPath() -> modPath("^/api/", "/v2/") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "A path that no filter changes is sent as the client wrote it in any case. An encoded % stays, too, so that %252F is not taken for %2F.",
	New:       func(arg.Values, *filter.Env) (filter.Filter, error) { return rfc{}, nil },
})

type rfc struct{ filter.RequestOnly }

func (rfc) Request(c *filter.Context) { c.Request.KeepReserved() }
