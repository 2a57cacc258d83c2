package egress

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/secrets"
)

const closed = "a request whose secret is missing is answered 503 instead of going on without it; a secret that is missing when the route is built is an error of the route: nobody notices otherwise"

var _ = filter.Define(filter.Def{
	Name:      "bearerinjector",
	Params:    []arg.Param{{Name: "secret", Type: arg.Text}},
	Doc:       "sets the Authorization header to \"Bearer\" and a secret of -credentials-paths, named by the path of its file",
	Example:   `* -> bearerinjector("/etc/fairlead/secrets/api-token") -> "https://127.0.0.1:8443"`,
	Differs:   closed,
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newSecretHeader(v, env, "Authorization", 0, "Bearer ", "")
	},
})

var _ = filter.Define(filter.Def{
	Name: "setRequestHeaderFromSecret",
	Params: []arg.Param{
		{Name: "header", Type: arg.Text}, {Name: "secret", Type: arg.Text},
		{Name: "prefix", Type: arg.Text, Optional: true}, {Name: "suffix", Type: arg.Text, Optional: true},
	},
	Doc:       "sets a request header to a secret of -credentials-paths, named by the path of its file, between prefix and suffix",
	Example:   `* -> setRequestHeaderFromSecret("X-Api-Key", "/etc/fairlead/secrets/api-key") -> "https://127.0.0.1:8443"`,
	Differs:   closed,
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		if err := filter.CheckSettable(v.Text(0)); err != nil {
			return nil, v.Wrong(0, "%w", err)
		}
		if message.KindOf(v.Text(0)) == message.KindHost {
			return nil, v.Wrong(0, "found %q, expected another header: a secret is no host", v.Text(0))
		}
		for i := 2; i < v.Len(); i++ {
			if err := filter.CheckFieldValue(v.Text(i)); err != nil {
				return nil, v.Wrong(i, "%w", err)
			}
		}
		return newSecretHeader(v, env, v.Text(0), 1, v.Text(2), v.Text(3))
	},
})

// secretHeader sets a field to a secret.
type secretHeader struct {
	filter.RequestOnly
	secrets                     *secrets.Store
	field, name, prefix, suffix string
}

// newSecretHeader makes the filter; argument i names the secret.
func newSecretHeader(v arg.Values, env *filter.Env, field string, i int, prefix, suffix string) (filter.Filter, error) {
	f := &secretHeader{secrets: secrets.In(env), field: field, name: v.Text(i), prefix: prefix, suffix: suffix}
	if err := f.secrets.Check(f.name); err != nil && !env.Offline {
		return nil, v.Wrong(i, "%w", err)
	}
	return f, nil
}

func (f *secretHeader) Request(c *filter.Context) {
	c.Request.Header.DelVariants(f.field)
	value, ok := f.secrets.Get(f.name)
	// What would have to be changed to be sent is not the secret any more.
	if !ok || !filter.ValidFieldValue(value) {
		c.Refuse(message.ReasonAuthUnavailable)
		return
	}
	if f.prefix != "" || f.suffix != "" {
		value = f.prefix + value + f.suffix
	}
	c.Request.Header.Set(f.field, value)
}
