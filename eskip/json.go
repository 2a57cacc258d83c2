package eskip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"fairlead.dev/fairlead/kit/suggest"
)

// typeNames are the names of the backend types in the JSON form.
var typeNames = [...]string{
	Network: "network", Shunt: "shunt", Loopback: "loopback",
	Dynamic: "dynamic", Forward: "forward", LB: "lb",
}

// String names the type as the JSON form does.
func (t BackendType) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

type jsonRoute struct {
	ID         string  `json:"id,omitempty"`
	Predicates []Call  `json:"predicates"`
	Filters    []Call  `json:"filters"`
	Backend    Backend `json:"backend"`
}

type jsonCall struct {
	Name string `json:"name"`
	Args []Arg  `json:"args"`
}

type jsonBackend struct {
	Type      string   `json:"type"`
	Address   string   `json:"address,omitempty"`
	Algorithm string   `json:"algorithm,omitempty"`
	Endpoints []string `json:"endpoints,omitempty"`
}

// MarshalJSON writes the JSON form (spec 1.5):
//
//	{"id": "x", "predicates": [{"name": "Path", "args": ["/"]}], "filters": [], "backend": {"type": "shunt"}}
//
// JSON is Unicode: bytes that are not UTF-8 become U+FFFD. Only the text form
// carries every route exactly.
func (r *Route) MarshalJSON() ([]byte, error) {
	return marshal(jsonRoute{r.ID, orEmpty(r.Predicates), orEmpty(r.Filters), r.Backend})
}

// MarshalJSON writes {"name": ..., "args": [...]}.
func (c Call) MarshalJSON() ([]byte, error) { return marshal(jsonCall{c.Name, orEmpty(c.Args)}) }

// MarshalJSON writes a string or a number.
func (a Arg) MarshalJSON() ([]byte, error) {
	if a.Kind == NumberArg {
		return marshal(a.Number)
	}
	return marshal(a.Text)
}

// MarshalJSON writes {"type": ..., ...} with the fields that the type has.
func (b Backend) MarshalJSON() ([]byte, error) {
	out := jsonBackend{Type: b.Type.String()}
	switch b.Type {
	case Network:
		out.Address = b.Address
	case LB:
		out.Algorithm = b.Algorithm
		for _, e := range b.Endpoints {
			out.Endpoints = append(out.Endpoints, e.String())
		}
	}
	return marshal(out)
}

// marshal is json.Marshal that leaves <, > and & readable.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), newline), nil
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// UnmarshalJSON reads the JSON form. It refuses unknown fields and everything
// that Check does; the error says which part of the route is meant.
func (r *Route) UnmarshalJSON(data []byte) error {
	var out Route
	f, err := object(data, "id", "predicates", "filters", "backend")
	if err != nil {
		return fmt.Errorf("route: %w", err)
	}
	if err := f.text("id", &out.ID); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	err = errors.Join(
		f.calls("predicates", &out.Predicates),
		f.calls("filters", &out.Filters),
		f.backend("backend", &out.Backend),
	)
	if err != nil {
		return fmt.Errorf("route %q: %w", out.ID, err)
	}
	out.Predicates = slices.DeleteFunc(out.Predicates, func(p Call) bool { return isAny(&p) })
	if len(out.Predicates) == 0 {
		out.Predicates = nil
	}
	if err := Check(&out); err != nil {
		return err
	}
	*r = out
	return nil
}

// UnmarshalJSON reads {"name": ..., "args": [...]}.
func (c *Call) UnmarshalJSON(data []byte) error {
	var out Call
	f, err := object(data, "name", "args")
	if err != nil {
		return err
	}
	if err := f.text("name", &out.Name); err != nil {
		return err
	}
	args, err := f.list("args")
	if err != nil {
		return err
	}
	for i, raw := range args {
		var a Arg
		if err := a.UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("args[%d]: %w", i, err)
		}
		out.Args = append(out.Args, a)
	}
	*c = out
	return nil
}

// UnmarshalJSON reads a string or a number.
func (a *Arg) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err == nil && !isNull(data) {
		*a = String(s)
		return nil
	}
	var n float64
	if err := json.Unmarshal(data, &n); err != nil || isNull(data) {
		return fmt.Errorf("found %s, expected a string or a number", excerpt(string(data)))
	}
	*a = Number(n)
	return nil
}

// UnmarshalJSON reads {"type": ..., ...}.
func (b *Backend) UnmarshalJSON(data []byte) error {
	var out Backend
	f, err := object(data, "type", "address", "algorithm", "endpoints")
	if err != nil {
		return err
	}
	var name string
	if err := errors.Join(f.text("type", &name), f.text("address", &out.Address), f.text("algorithm", &out.Algorithm)); err != nil {
		return err
	}
	t := slices.Index(typeNames[:], name)
	if t < 0 {
		return fmt.Errorf("type: found %q, expected one of %q%s", name, typeNames, didYouMean(name, typeNames[:]))
	}
	out.Type = BackendType(t)
	list, err := f.list("endpoints")
	if err != nil {
		return err
	}
	for i, raw := range list {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil || isNull(raw) {
			return fmt.Errorf("endpoints[%d]: found %s, expected a string", i, excerpt(string(raw)))
		}
		out.Endpoints = append(out.Endpoints, endpoint(s))
	}
	if err := out.foreignFields(); err != nil {
		return err
	}
	*b = out
	return nil
}

// foreignFields refuses fields that belong to another type of backend.
func (b *Backend) foreignFields() error {
	switch {
	case b.Type != Network && b.Address != "":
		return fmt.Errorf("address: only a backend of the type %q has one, found the type %q", Network, b.Type)
	case b.Type != LB && (b.Algorithm != "" || b.Endpoints != nil):
		return fmt.Errorf("algorithm and endpoints: only a backend of the type %q has them, found the type %q", LB, b.Type)
	}
	return nil
}

func didYouMean(name string, known []string) string {
	if s := suggest.Nearest(clip(name), known); s != "" {
		return fmt.Sprintf(", did you mean %q?", s)
	}
	return ""
}

func isNull(raw []byte) bool { return string(bytes.TrimSpace(raw)) == "null" }
