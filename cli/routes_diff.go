package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/eskip"
)

// routesDiff is `fairlead routes diff`.
func (s *shell) routesDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "compare two documents route by route",
		Long: `Compare two documents by the ids of their routes. The order of routes, of
predicates and of endpoints does not count, nor do comments and line breaks.
A line that begins with - is only in the old document, with + only in the new.

The exit status is 1 when the documents differ and 2 when one of them cannot be
read. One of the files may be "-", standard input.`,
		Example: `  fairlead routes diff old.eskip new.eskip
  curl -s http://localhost:9911/routes | fairlead routes diff - routes.eskip`,
		Args: arguments(2, 2, "two files"),
		RunE: func(_ *cobra.Command, args []string) error {
			a, err := s.routesByID(args[0])
			if err != nil {
				return err
			}
			b, err := s.routesByID(args[1])
			if err != nil {
				return err
			}
			return s.diff(a, b)
		},
	}
}

// routesByID reads a document for comparison.
func (s *shell) routesByID(name string) (map[string]*eskip.Route, error) {
	d, err := s.readDocument(name)
	if err != nil {
		return nil, status{exitUsage, err}
	}
	if s.report(d.faults) != nil {
		return nil, quiet(exitUsage)
	}
	byID := make(map[string]*eskip.Route, len(d.routes))
	for _, r := range d.routes {
		byID[r.ID] = eskip.Canonical(r)
	}
	return byID, nil
}

// diff prints in the order of ids what differs.
func (s *shell) diff(a, b map[string]*eskip.Route) error {
	ids := maps.Clone(a)
	maps.Copy(ids, b)
	same := true
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if eskip.Equal(a[id], b[id]) {
			continue
		}
		same = false
		for _, side := range []struct {
			sign string
			r    *eskip.Route
		}{{"-", a[id]}, {"+", b[id]}} {
			if side.r == nil {
				continue
			}
			if _, err := fmt.Fprintf(s.Stdout, "%s %s\n", side.sign, eskip.Print(side.r)); err != nil {
				return err
			}
		}
	}
	if same {
		return nil
	}
	return quiet(exitProblem)
}
