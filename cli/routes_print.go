package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/eskip"
)

// printer is how routes are written.
type printer struct {
	pretty, json, canonical bool
	indent                  string
}

func (p *printer) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&p.pretty, "pretty", false, "one line for each filter and backend")
	f.StringVar(&p.indent, "indent", "  ", "what stands before the arrows of -pretty")
	f.BoolVar(&p.json, "json", false, "print JSON")
}

// routesPrint is `fairlead routes print`.
func (s *shell) routesPrint() *cobra.Command {
	var p printer
	c := &cobra.Command{
		Use:   "print FILE...",
		Short: "print routes in one form: one a line, pretty, canonical or JSON",
		Long: `Print the routes of documents one after the other. Comments are not printed;
` + "`fairlead routes fmt`" + ` keeps them. The file "-" is standard input.

The canonical form is equal for routes that mean the same: sorted by id,
predicates by name, endpoints by address.`,
		Example: `  fairlead routes print -pretty routes.eskip
  fairlead routes print -json routes.eskip | jq '.[].id'
  fairlead routes print -canonical a.eskip b.eskip`,
		Args: arguments(1, -1, "at least one file, or - for standard input"),
		RunE: func(_ *cobra.Command, args []string) error {
			docs, err := s.readAllDocuments(args)
			if err != nil {
				return err
			}
			var routes []*eskip.Route
			var faults []error
			for _, d := range docs {
				routes, faults = append(routes, d.routes...), append(faults, d.faults...)
			}
			if err := s.report(faults); err != nil {
				return err
			}
			return p.print(s, routes)
		},
	}
	p.flags(c)
	c.Flags().BoolVar(&p.canonical, "canonical", false, "print the canonical form")
	return c
}

// print writes routes to standard output.
func (p *printer) print(s *shell, routes []*eskip.Route) error {
	if p.canonical {
		routes = eskip.CanonicalList(routes)
	}
	if p.json {
		if routes == nil {
			routes = []*eskip.Route{}
		}
		e := json.NewEncoder(s.Stdout)
		e.SetEscapeHTML(false)
		if p.pretty {
			e.SetIndent("", p.indent)
		}
		return e.Encode(routes)
	}
	if len(routes) == 0 {
		return nil
	}
	for _, r := range routes {
		if r.ID == "" && len(routes) > 1 {
			return fmt.Errorf("%s: the route has no id and cannot stand in a list with others", r.Pos)
		}
	}
	if err := (eskip.Printer{Pretty: p.pretty, Indent: p.indent}).Print(s.Stdout, routes...); err != nil {
		return err
	}
	return s.printf("\n")
}
