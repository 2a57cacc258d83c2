package forward

import (
	"fmt"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "proxyProtocol",
	Params:    []arg.Param{{Name: "version", Type: arg.Text}},
	Doc:       `begins the connection to the backend with a PROXY header, "v1" or "v2", that says who the client is; each request then has a connection of its own`,
	Example:   `* -> proxyProtocol("v2") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Skipper does not have it. Backends that speak no HTTP header, or trust none, learn the client's address from it.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		switch v.Text(0) {
		case "v1":
			return &proxyProtocol{version: 1}, nil
		case "v2":
			return &proxyProtocol{version: 2}, nil
		}
		return nil, fmt.Errorf("found the version %q, expected \"v1\" or \"v2\"", v.Text(0))
	},
})

type proxyProtocol struct {
	filter.RequestOnly
	version int
}

func (f *proxyProtocol) Request(c *filter.Context) { c.Upstream.ProxyProtocol = f.version }
