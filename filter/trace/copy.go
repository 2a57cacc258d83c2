package trace

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "tracingBaggageToTag",
	Params:    keyAndTag("member"),
	Doc:       "sets a tag of the request's span to a member of the baggage that came with the request, if there is one",
	Example:   `* -> tracingBaggageToTag("cohort", "user.cohort") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "The baggage is that of the W3C header field, whatever keeps traces.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newCopy(v, func(c *filter.Context, key string) (string, bool) {
			return message.Baggage(&c.Request.Header, key)
		})
	},
})

var _ = filter.Define(filter.Def{
	Name:      "stateBagToTag",
	Params:    keyAndTag("key"),
	Doc:       "sets a tag of the request's span to what a filter before it said about the exchange, such as auth-user, if it did",
	Example:   `* -> stateBagToTag("auth-user", "client.uid") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newCopy(v, filter.State)
	},
})

func keyAndTag(key string) []arg.Param {
	return []arg.Param{{Name: key, Type: arg.Text}, {Name: "tag", Type: arg.Text, Optional: true, Default: "the " + key}}
}

// copied sets a tag to what is found under a key.
type copied struct {
	filter.RequestOnly
	key, tag string
	find     func(c *filter.Context, key string) (string, bool)
}

func newCopy(v arg.Values, find func(*filter.Context, string) (string, bool)) (filter.Filter, error) {
	f := &copied{key: v.Text(0), tag: v.Text(0), find: find}
	if err := checkName(v, 0); err != nil {
		return nil, err
	}
	if v.Has(1) {
		f.tag = v.Text(1)
		return f, checkName(v, 1)
	}
	return f, nil
}

func (f *copied) Request(c *filter.Context) {
	if v, ok := f.find(c, f.key); ok && v != "" {
		c.Trace.SetTag(f.tag, v)
	}
}
