package cli

import (
	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/pending"
	"fairlead.dev/fairlead/predicate"
)

// predicate is the parent of the commands about predicates.
func (s *shell) predicate() *cobra.Command {
	return s.noun("predicate", "show the predicates that routes can use", s.predicateList())
}

// predicateList is `fairlead predicate list`.
func (s *shell) predicateList() *cobra.Command {
	var l lister
	c := l.command("predicate", `  fairlead predicate list
  fairlead predicate list path
  fairlead predicate list -examples Header`)
	c.RunE = func(_ *cobra.Command, args []string) error {
		var rows []row
		for _, d := range predicate.All() {
			rows = append(rows, row{name: d.Name, params: d.Params, doc: d.Doc, example: d.Example})
		}
		return l.print(s, rows, pendingRows(pending.Predicates(), pending.Predicate), args)
	}
	return c
}
