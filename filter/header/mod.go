package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "modRequestHeader",
	Params:    modParams(),
	Doc:       "replaces what matches in a request header; Host is the host that the backend sees",
	Example:   `* -> modRequestHeader("Host", "^example\\.(\\w+)$", "www.example.$1") -> redirectTo(301) -> <shunt>`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		m, err := newMod(v)
		return &modRequest{mod: m, host: isHost(v.Text(0))}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "modResponseHeader",
	Params:    modParams(),
	Doc:       "replaces what matches in a response header",
	Example:   `* -> modResponseHeader("Location", "^http://", "https://") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		m, err := newMod(v)
		return &modResponse{mod: m}, err
	},
})

func modParams() []arg.Param {
	return append(nameAndPattern(), arg.Param{Name: "replacement", Type: arg.Text})
}

type mod struct {
	pattern
	replacement string
}

func newMod(v arg.Values) (mod, error) {
	if err := filter.CheckSettable(v.Text(0)); err != nil {
		return mod{}, err
	}
	return mod{pattern{v.Text(0), v.Regexp(1)}, v.Text(2)}, filter.CheckFieldValue(v.Text(2))
}

// change applies m to each value of the field, in place.
func (m *mod) change(h *message.Header) {
	fields := h.Fields()
	for i := range fields {
		// Looking first saves the memory that replacing takes even in vain.
		if message.EqualName(fields[i].Name, m.name) && m.expr.MatchString(fields[i].Value) {
			fields[i].Value = m.expr.ReplaceAllString(fields[i].Value, m.replacement)
		}
	}
}

type modRequest struct {
	filter.RequestOnly
	mod
	host bool
}

func (f *modRequest) Request(c *filter.Context) {
	if !f.host {
		f.change(&c.Request.Header)
		return
	}
	if h := f.expr.ReplaceAllString(currentHost(c), f.replacement); filter.ValidHost(h) {
		setHost(c, f.name, h)
	}
}

type modResponse struct {
	filter.ResponseOnly
	mod
}

func (f *modResponse) Response(c *filter.Context) { f.change(&c.Response.Header) }
