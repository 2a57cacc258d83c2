package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "setContextRequestHeader",
	Params:    nameAndKey(),
	Doc:       "sets a request header to what another filter said about the exchange, such as auth-user, if it did",
	Example:   `* -> setContextRequestHeader("X-User", "auth-user") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInValue + " What the client sent in the header, or under a name that some servers take for it (X_User), is removed even if there is nothing to set: nobody may say it in the place of the other filter.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newStated(v, true)
		return &statedRequest{stated: f}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "appendContextRequestHeader",
	Params:    nameAndKey(),
	Doc:       "adds a request header with what another filter said about the exchange, if it did",
	Example:   `* -> appendContextRequestHeader("X-Users", "auth-user") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInValue,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newStated(v, true)
		return &statedRequest{stated: f, add: true}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "setContextResponseHeader",
	Params:    nameAndKey(),
	Doc:       "sets a response header to what another filter said about the exchange, if it did",
	Example:   `* -> setContextResponseHeader("X-User", "auth-user") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInValue,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newStated(v, false)
		return &statedResponse{stated: f}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "appendContextResponseHeader",
	Params:    nameAndKey(),
	Doc:       "adds a response header with what another filter said about the exchange, if it did",
	Example:   `* -> appendContextResponseHeader("X-Users", "auth-user") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   differsInValue,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newStated(v, false)
		return &statedResponse{stated: f, add: true}, err
	},
})

const differsInValue = "A value with control characters is not written, because it would be another header to some backend."

func nameAndKey() []arg.Param {
	return []arg.Param{{Name: "name", Type: arg.Text}, {Name: "key", Type: arg.Text}}
}

// stated is a field and the name of the fact that it tells.
type stated struct {
	name, key string
	host      bool
}

func newStated(v arg.Values, request bool) (stated, error) {
	if v.Text(1) == "" {
		return stated{}, v.Wrong(1, `found "", expected the name under which a filter says something, such as "auth-user"`)
	}
	return stated{v.Text(0), v.Text(1), request && isHost(v.Text(0))}, filter.CheckSettable(v.Text(0))
}

// value returns what to write; ok is false when nobody said anything, or what
// may not be written.
func (s *stated) value(c *filter.Context) (v string, ok bool) {
	v, ok = filter.State(c, s.key)
	return v, ok && writable(v, s.host)
}

type statedRequest struct {
	filter.RequestOnly
	stated
	add bool
}

func (f *statedRequest) Request(c *filter.Context) {
	v, ok := f.value(c)
	if !f.add && !f.host {
		c.Request.Header.DelVariants(f.name)
	}
	switch {
	case !ok:
	case f.host:
		setHost(c, f.name, v)
	case f.add:
		c.Request.Header.Add(f.name, v)
	default:
		c.Request.Header.Set(f.name, v)
	}
}

type statedResponse struct {
	filter.ResponseOnly
	stated
	add bool
}

func (f *statedResponse) Response(c *filter.Context) {
	v, ok := f.value(c)
	switch {
	case !ok:
	case f.add:
		c.Response.Header.Add(f.name, v)
	default:
		c.Response.Header.Set(f.name, v)
	}
}
