package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/eskip"
)

// routesCheck is `fairlead routes check`.
func (s *shell) routesCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "find every mistake in documents of routes",
		Long: `Check documents of routes as the proxy would read them, and more strictly: every
mistake counts. It finds wrong syntax, unknown filters and predicates, wrong
arguments, addresses that are none, and ids that stand twice, also in two files.
Each problem is one line: file:line:column, what was found, what was expected.

The file "-" is standard input. Filters that read files, such as static, look at
them. The exit status is 1 when there is a problem.`,
		Example: `  fairlead routes check routes.eskip
  fairlead routes check *.eskip
  curl -s https://example.org/routes | fairlead routes check -`,
		Args: arguments(1, -1, "at least one file, or - for standard input"),
		RunE: func(_ *cobra.Command, args []string) error {
			docs, unread := s.readAllDocuments(args)
			found := s.report(check(docs))
			if err := cmp.Or(unread, found); err != nil {
				return err
			}
			for _, d := range docs {
				if err := s.printf("%s: %s, no problems\n", d.name, count(len(d.routes), "route")); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// check returns everything that is wrong with documents that are to be used
// together, sorted by document and place.
func check(docs []document) []error {
	var problems []error
	ids := map[string]eskip.Pos{}
	c := compiler()
	for _, d := range docs {
		var here []placed
		for _, f := range d.faults {
			here = append(here, placed{placeOf(f), f})
		}
		for _, r := range d.routes {
			if first, taken := ids[r.ID]; taken && r.ID != "" {
				here = append(here, placed{r.Pos, fmt.Errorf("%s: route %q is defined at %s already", r.Pos, r.ID, first)})
			} else {
				ids[r.ID] = r.Pos
			}
			for _, err := range c.Check(r) {
				here = append(here, placed{r.Pos, err})
			}
		}
		slices.SortStableFunc(here, placed.compare)
		for _, p := range here {
			problems = append(problems, p.err)
		}
	}
	return problems
}

// placed is a problem and where it counts as being; its text knows better.
type placed struct {
	at  eskip.Pos
	err error
}

func (p placed) compare(q placed) int {
	return cmp.Or(cmp.Compare(p.at.Line, q.at.Line), cmp.Compare(p.at.Col, q.at.Col))
}

func placeOf(err error) eskip.Pos {
	var e *eskip.Error
	if errors.As(err, &e) {
		return e.Pos
	}
	return eskip.Pos{}
}
