package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/pending"
)

// filter is the parent of the commands about filters.
func (s *shell) filter() *cobra.Command {
	return s.noun("filter", "show the filters that routes can use", s.filterList())
}

// filterList is `fairlead filter list`.
func (s *shell) filterList() *cobra.Command {
	var l lister
	c := l.command("filter", `  fairlead filter list
  fairlead filter list header        those with "header" in name or description
  fairlead filter list -examples redirectTo`)
	c.RunE = func(_ *cobra.Command, args []string) error {
		var rows []row
		for _, d := range filter.All() {
			rows = append(rows, row{
				name: d.Name, params: d.Params, doc: alsoKnown(d.Doc, d.Also), example: d.Example,
			})
		}
		return l.print(s, rows, pendingRows(pending.Filters(), pending.Filter), args)
	}
	return c
}

func alsoKnown(doc string, also []string) string {
	if len(also) == 0 {
		return doc
	}
	return doc + " (also " + strings.Join(also, ", ") + ")"
}

// lister is what the lists of filters and of predicates have in common.
type lister struct{ examples, pending, missing bool }

// row is one line of the list.
type row struct {
	name    string
	params  []arg.Param
	doc     string
	example string
	missing string // what keeps it from working, "" when it works
}

func (l *lister) command(what, example string) *cobra.Command {
	c := &cobra.Command{
		Use:     "list [word...]",
		Short:   fmt.Sprintf("list every %s with its arguments", what),
		Long:    fmt.Sprintf("List every %s with its arguments and one line on what it does.\nWords limit the list to those that have all of them in their line.", what),
		Example: example,
	}
	c.Flags().BoolVar(&l.examples, "examples", false, "show an example of each")
	c.Flags().BoolVar(&l.pending, "pending", false, "show those that Skipper has and Fairlead does not have yet")
	c.Flags().BoolVar(&l.missing, "missing", false, "show nothing but the names of those that Fairlead does not have yet")
	return c
}

func (l *lister) print(s *shell, rows, pending []row, words []string) error {
	if l.missing {
		return l.names(s, pending, words)
	}
	if l.pending {
		rows = pending
	}
	c := columnsOn(s.Stdout)
	for _, r := range rows {
		signature, doc := r.name+arg.Signature(r.params), r.doc
		if r.missing != "" {
			signature, doc = r.name, r.missing
		}
		if !hasAll(signature+" "+doc, words) {
			continue
		}
		c.row(signature, doc)
		if l.examples && r.example != "" {
			c.row("", "    "+strings.ReplaceAll(strings.TrimSpace(r.example), "\n", "\n\t    "))
		}
	}
	return c.flush()
}

// names prints the names of rows, one on each line.
func (l *lister) names(s *shell, rows []row, words []string) error {
	for _, r := range rows {
		if !hasAll(r.name, words) {
			continue
		}
		if err := s.printf("%s\n", r.name); err != nil {
			return err
		}
	}
	return nil
}

func hasAll(line string, words []string) bool {
	line = strings.ToLower(line)
	for _, w := range words {
		if !strings.Contains(line, strings.ToLower(w)) {
			return false
		}
	}
	return true
}

func pendingRows(names []string, missing func(string) (string, bool)) []row {
	var rows []row
	for _, n := range names {
		m, _ := missing(n)
		rows = append(rows, row{name: n, missing: m})
	}
	return rows
}
