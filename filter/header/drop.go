package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "dropRequestHeader",
	Params:    []arg.Param{{Name: "name", Type: arg.Text}},
	Doc:       "removes a request header",
	Example:   `* -> dropRequestHeader("User-Agent") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "The fields that frame a message and Host stay: Fairlead writes them itself, so dropping them would change nothing.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &dropRequest{name: v.Text(0)}, filter.CheckFieldName(v.Text(0))
	},
})

var _ = filter.Define(filter.Def{
	Name:      "dropResponseHeader",
	Params:    []arg.Param{{Name: "name", Type: arg.Text}},
	Doc:       "removes a response header",
	Example:   `* -> dropResponseHeader("Server") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "The fields that frame a message and Host stay: Fairlead writes them itself, so dropping them would change nothing.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &dropResponse{name: v.Text(0)}, filter.CheckFieldName(v.Text(0))
	},
})

type dropRequest struct {
	filter.RequestOnly
	name string
}

func (f *dropRequest) Request(c *filter.Context) { drop(&c.Request.Header, f.name) }

type dropResponse struct {
	filter.ResponseOnly
	name string
}

func (f *dropResponse) Response(c *filter.Context) { drop(&c.Response.Header, f.name) }

func drop(h *message.Header, name string) {
	if filter.Droppable(name) {
		h.Del(name)
	}
}
