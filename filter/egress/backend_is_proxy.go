package egress

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "backendIsProxy",
	Doc:       "asks the backend, which is a proxy, for the URL that the client asked for",
	Example:   `* -> backendIsProxy() -> "http://127.0.0.1:3128"`,
	Differs:   "A request that came by TLS is asked for with an https URL, too. Skipper asks the proxy for a tunnel (CONNECT) then, and a tunnel to wherever a client says is what Fairlead opens for nobody.",
	Shareable: true,
	New: func(arg.Values, *filter.Env) (filter.Filter, error) {
		return backendIsProxy{}, nil
	},
})

type backendIsProxy struct{ filter.RequestOnly }

func (backendIsProxy) Request(c *filter.Context) { c.Upstream.ToProxy = true }
