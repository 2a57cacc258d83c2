package forward

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "rfcHost",
	Doc:       "removes the dot at the end of the host, for backends that take example.org. for another one",
	Example:   `* -> preserveHost("true") -> rfcHost() -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New:       func(arg.Values, *filter.Env) (filter.Filter, error) { return rfcHost{}, nil },
})

type rfcHost struct{ filter.RequestOnly }

func (rfcHost) Request(c *filter.Context) {
	c.Request.Host = withoutDot(c.Request.Host)
	c.Upstream.Host = withoutDot(c.Upstream.Host)
	fields := c.Request.Header.Fields()
	for i := range fields {
		if message.KindOf(fields[i].Name) == message.KindHost {
			fields[i].Value = withoutDot(fields[i].Value)
		}
	}
}

// withoutDot returns a host without the dot at the end of its name. It allocates
// only when a port follows the dot.
func withoutDot(host string) string {
	if name, ok := strings.CutSuffix(host, "."); ok && name != "" {
		return name
	}
	if name, port, ok := strings.Cut(host, ".:"); ok && name != "" {
		return name + ":" + port
	}
	return host
}
