package forward

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "consistentHashKey",
	Params:    []arg.Param{{Name: "key", Type: arg.Template}},
	Doc:       "chooses by this key, not by the client's address, which endpoint of a consistentHash backend gets the request",
	Example:   `* -> consistentHashKey("${request.header.Authorization}") -> <consistentHash, "http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		key, err := filter.NewTemplate(v.Text(0))
		return &hashKey{key: key}, err
	},
})

type hashKey struct {
	filter.RequestOnly
	key *filter.Template
}

// Request leaves the key alone when a part of it is missing: all requests
// without it would meet at one endpoint.
func (f *hashKey) Request(c *filter.Context) {
	if key, ok := f.key.Expand(c); ok {
		c.Upstream.HashKey = key
	}
}

// mostBalance is as good as no bound.
const mostBalance = 1e6

var _ = filter.Define(filter.Def{
	Name:      "consistentHashBalanceFactor",
	Params:    []arg.Param{{Name: "factor", Type: arg.Number, Min: 1, Max: mostBalance}},
	Doc:       "bounds the load of an endpoint of a consistentHash backend to this many times the average",
	Example:   `* -> consistentHashBalanceFactor(1.25) -> <consistentHash, "http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	Shareable: true,
	Differs:   "Factors above 1,000,000 are refused: they would mean no bound.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &hashBalance{factor: v.Number(0)}, nil
	},
})

type hashBalance struct {
	filter.RequestOnly
	factor float64
}

func (f *hashBalance) Request(c *filter.Context) { c.Upstream.HashBalance = f.factor }
