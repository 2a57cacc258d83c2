package forward

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:    "setDynamicBackendHostFromHeader",
	Params:  []arg.Param{{Name: "header", Type: arg.Text}},
	Doc:     "chooses the host of a dynamic backend by a request header; without it the filter does nothing",
	Example: `Header("X-Shard", "a") -> setDynamicBackendHostFromHeader("X-Target") -> <dynamic>`,
	Differs: "A header that is no host, scheme or URL is ignored, and an address that only this machine may reach is answered 403 unless -dynamic-backend-allow lists it: the header comes from the client.",
	New:     setDynamicFromHeader(readHost),
})

var _ = filter.Define(filter.Def{
	Name:    "setDynamicBackendSchemeFromHeader",
	Params:  []arg.Param{{Name: "header", Type: arg.Text}},
	Doc:     "chooses the scheme of a dynamic backend by a request header; without it the filter does nothing",
	Example: `* -> setDynamicBackendSchemeFromHeader("X-Scheme") -> setDynamicBackendHost("www.example.org") -> <dynamic>`,
	Differs: "A header that is no host, scheme or URL is ignored, and an address that only this machine may reach is answered 403 unless -dynamic-backend-allow lists it: the header comes from the client.",
	New:     setDynamicFromHeader(readScheme),
})

var _ = filter.Define(filter.Def{
	Name:    "setDynamicBackendUrlFromHeader",
	Params:  []arg.Param{{Name: "header", Type: arg.Text}},
	Doc:     "chooses scheme and host of a dynamic backend by a request header; without it the filter does nothing",
	Example: `* -> setDynamicBackendUrlFromHeader("X-Target-Url") -> <dynamic>`,
	Differs: "A header that is no host, scheme or URL is ignored, and an address that only this machine may reach is answered 403 unless -dynamic-backend-allow lists it: the header comes from the client.",
	New:     setDynamicFromHeader(readURL),
})

func setDynamicFromHeader(read reader) func(arg.Values, *filter.Env) (filter.Filter, error) {
	return func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &headerTarget{header: v.Text(0), read: read}, filter.CheckFieldName(v.Text(0))
	}
}

type headerTarget struct {
	filter.RequestOnly
	header string
	read   reader
}

func (f *headerTarget) Request(c *filter.Context) {
	v := c.Request.Header.Get(f.header)
	if v == "" {
		return
	}
	if t, err := f.read(v); err == nil {
		t.aim(c, false)
	}
}
