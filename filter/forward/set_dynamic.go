package forward

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:    "setDynamicBackendHost",
	Params:  []arg.Param{{Name: "host", Type: arg.Text}},
	Doc:     "chooses the host, with an optional port, of a dynamic backend",
	Example: `* -> setDynamicBackendHost("127.0.0.1:8080") -> setDynamicBackendScheme("http") -> <dynamic>`,
	Differs: "A value that can be no target is an error of the route and not of each request.",
	New:     setDynamic(readHost),
})

var _ = filter.Define(filter.Def{
	Name:    "setDynamicBackendScheme",
	Params:  []arg.Param{{Name: "scheme", Type: arg.Text}},
	Doc:     "chooses the scheme of a dynamic backend",
	Example: `* -> setDynamicBackendScheme("https") -> setDynamicBackendHost("www.example.org") -> <dynamic>`,
	Differs: "A value that can be no target is an error of the route and not of each request.",
	New:     setDynamic(readScheme),
})

var _ = filter.Define(filter.Def{
	Name:    "setDynamicBackendUrl",
	Params:  []arg.Param{{Name: "url", Type: arg.Text}},
	Doc:     "chooses scheme and host of a dynamic backend; the path of the URL does not count",
	Example: `* -> setDynamicBackendUrl("https://www.example.org") -> <dynamic>`,
	Differs: "A value that can be no target is an error of the route and not of each request.",
	New:     setDynamic(readURL),
})

func setDynamic(read reader) func(arg.Values, *filter.Env) (filter.Filter, error) {
	return func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		t, err := read(v.Text(0))
		return &fixedTarget{target: t}, err
	}
}

type fixedTarget struct {
	filter.RequestOnly
	target target
}

func (f *fixedTarget) Request(c *filter.Context) { f.target.aim(c, true) }
