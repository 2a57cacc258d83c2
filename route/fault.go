package route

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/kit/suggest"
)

// fault is one mistake in a definition.
type fault struct {
	reason string
	err    error
}

// faults is the error of a definition with at least one mistake.
type faults []fault

// Error lists the mistakes on one line.
func (f faults) Error() string {
	if len(f) == 1 {
		return f[0].err.Error()
	}
	var b strings.Builder
	for i := range f {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f[i].err.Error())
	}
	return b.String()
}

// Unwrap returns the mistakes.
func (f faults) Unwrap() []error {
	all := make([]error, len(f))
	for i := range f {
		all[i] = f[i].err
	}
	return all
}

// at puts the place of a mistake before it, file:line:column.
func at(p eskip.Pos, err error) error {
	if place := p.String(); place != "" {
		return fmt.Errorf("%s: %w", place, err)
	}
	return err
}

// unknown says that there is no filter or predicate called name.
func (c *Compiler) unknown(kind, name string, known []string) error {
	if c.Pending != nil {
		if hint := c.Pending(kind, name); hint != "" {
			return fmt.Errorf("%s %q: %s", kind, name, hint)
		}
	}
	if n := suggest.Nearest(name, known); n != "" {
		return fmt.Errorf("unknown %s %q, did you mean %q?", kind, name, n)
	}
	return fmt.Errorf("unknown %s %q", kind, name)
}
