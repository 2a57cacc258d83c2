package header

import (
	"fmt"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// nameAndValue are the parameters of the filters that write a field.
func nameAndValue() []arg.Param {
	return []arg.Param{{Name: "name", Type: arg.Text}, {Name: "value", Type: arg.Template}}
}

// field is a field to write.
type field struct {
	name  string
	value *filter.Template
	// host is set for the name Host, which in a request is more than a field.
	host bool
}

func newField(v arg.Values, request bool) (field, error) {
	f := field{name: v.Text(0), host: request && isHost(v.Text(0))}
	if err := filter.CheckSettable(f.name); err != nil {
		return f, err
	}
	if err := filter.CheckFieldValue(v.Text(1)); err != nil {
		return f, err
	}
	var err error
	if f.value, err = filter.NewTemplate(v.Text(1)); err != nil {
		return f, err
	}
	if f.host && f.value.Static() && !filter.ValidHost(f.value.Text()) {
		return f, fmt.Errorf("found the host %q, expected a name or an address with an optional port", f.value.Text())
	}
	return f, nil
}

// expand returns the value to write; ok is false when there is none, or none
// that may be written.
func (f *field) expand(c *filter.Context) (value string, ok bool) {
	value, ok = f.value.Expand(c)
	if !ok || f.value.Static() {
		return value, ok
	}
	return value, writable(value, f.host)
}

func writable(value string, host bool) bool {
	if host {
		return filter.ValidHost(value)
	}
	return filter.ValidFieldValue(value)
}

func isHost(name string) bool { return message.KindOf(name) == message.KindHost }

// setHost makes h the Host that the backend sees. The field changes too, for
// the filters that read it.
func setHost(c *filter.Context, name, h string) {
	c.Request.Header.Set(name, h)
	c.Upstream.Host = h
}

// currentHost returns the Host field as filters left it.
func currentHost(c *filter.Context) string {
	if h := c.Request.Header.Get("Host"); h != "" {
		return h
	}
	return c.Request.Host
}
