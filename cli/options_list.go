package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
)

// options is `fairlead options`: it lists, and is the parent of show.
func (s *shell) options() *cobra.Command {
	var showPending bool
	c := &cobra.Command{
		Use:   "options [word...]",
		Short: "list every option of the proxy, or show those in force",
		Long: `List every option of the proxy with its type, default and one line on what it
does. Words limit the list to lines that have all of them.

An option is a flag of ` + "`fairlead proxy`" + `, a key of the YAML file (-config-file) with
the same name, and an environment variable: FAIRLEAD_MAX_LOOPBACKS for
-max-loopbacks.`,
		Example: `  fairlead options
  fairlead options timeout backend
  fairlead options -pending
  fairlead options show -config-file fairlead.yaml -address :8080`,
		Args: cobra.ArbitraryArgs,
	}
	c.Flags().BoolVar(&showPending, "pending", false, "show the options of Skipper that are accepted and have no effect yet")
	c.AddCommand(s.optionsShow())
	c.RunE = func(_ *cobra.Command, args []string) error {
		if showPending {
			return s.listPending(args)
		}
		return s.listOptions(args)
	}
	return c
}

func (s *shell) listOptions(words []string) error {
	for _, o := range option.NewSet().All() {
		head := "-" + o.Flag + " " + typeOf(o)
		if o.Default != "" && o.Default != "false" {
			head += fmt.Sprintf(" (default %q)", o.Default)
		}
		if !hasAll(head+" "+o.Doc, words) {
			continue
		}
		if err := s.printf("%s\n    %s\n", head, notes(o)); err != nil {
			return err
		}
	}
	return nil
}

// typeOf returns the type of an option as lists show it; a closed list of
// values says more than the type.
func typeOf(o option.Info) string {
	t := o.Type
	if len(o.OneOf) > 0 {
		t = strings.Replace(t, "text", strings.Join(o.OneOf, "|"), 1)
	}
	if o.Repeat {
		t += ", may be repeated"
	}
	return t
}

// notes returns what is to be said about an option in one line.
func notes(o option.Info) string {
	doc := o.Doc
	if len(o.Old) > 0 {
		doc += "; also -" + strings.Join(o.Old, ", -")
	}
	if len(o.Env) > 1 {
		doc += "; also in the environment as " + strings.Join(o.Env[1:], ", ")
	}
	if o.Deprecated != "" {
		doc += "; deprecated: " + o.Deprecated
	}
	return doc
}

func (s *shell) listPending(words []string) error {
	c := columnsOn(s.Stdout)
	for _, p := range pending.Flags() {
		if note := pendingNote(p); hasAll("-"+p.Name+" "+note, words) {
			c.row("-"+p.Name, note)
		}
	}
	return c.flush()
}

func pendingNote(p pending.Flag) string {
	switch {
	case p.Never:
		return "no effect: " + p.Missing
	case p.Guard:
		return "refused: " + p.Missing
	case p.KeyOnly:
		return "YAML key only, no effect yet: " + p.Missing
	}
	return "no effect yet: " + p.Missing
}
