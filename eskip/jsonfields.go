package eskip

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fields are the fields of a JSON object that are not null.
type fields map[string]json.RawMessage

// object reads a JSON object whose fields must be among the known ones.
func object(data []byte, known ...string) (fields, error) {
	var f fields
	if err := json.Unmarshal(data, &f); err != nil || f == nil {
		return nil, fmt.Errorf("found %s, expected an object with %s", excerpt(string(data)), strings.Join(known, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("found the field %s, expected one of %q%s", excerpt(name), known, didYouMean(name, known))
		}
		if isNull(f[name]) {
			delete(f, name)
		}
	}
	return f, nil
}

// text reads a string; a missing one stays empty.
func (f fields) text(name string, to *string) error {
	raw, ok := f[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%s: found %s, expected a string", name, excerpt(string(raw)))
	}
	return nil
}

// list reads an array; a missing one is empty.
func (f fields) list(name string) ([]json.RawMessage, error) {
	raw, ok := f[name]
	if !ok {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s: found %s, expected an array", name, excerpt(string(raw)))
	}
	return list, nil
}

func (f fields) calls(name string, to *[]Call) error {
	list, err := f.list(name)
	if err != nil {
		return err
	}
	for i, raw := range list {
		var c Call
		if err := c.UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("%s[%d]: %w", name, i, err)
		}
		*to = append(*to, c)
	}
	return nil
}

func (f fields) backend(name string, to *Backend) error {
	raw, ok := f[name]
	if !ok {
		return fmt.Errorf("%s: found nothing, expected an object with a type", name)
	}
	if err := to.UnmarshalJSON(raw); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
