package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
	"fairlead.dev/fairlead/predicate"
)

// docs is the hidden command that writes the reference pages from the
// declarations.
func (s *shell) docs() *cobra.Command {
	return &cobra.Command{
		Use:    "docs FOLDER",
		Short:  "write the reference pages",
		Hidden: true,
		Args:   arguments(1, 1, "one folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for name, text := range pages() {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// pages returns the reference pages by file name.
func pages() map[string]string {
	return map[string]string{
		"options.md":    optionsPage(),
		"filters.md":    filtersPage(),
		"predicates.md": predicatesPage(),
	}
}

const generated = "<!-- Written by `fairlead docs` from the declarations in the code: do not edit. -->\n\n"

func optionsPage() string {
	var b strings.Builder
	b.WriteString(generated + `# Options

An option is a flag of ` + "`fairlead proxy`" + ` (one dash or two), a key of the YAML file
that ` + "`-config-file`" + ` names, and an environment variable: ` + "`FAIRLEAD_`" + ` and the flag in
upper case with underscores. Flags win over the environment, which wins over the
file. A list is separated by commas, in YAML it may be a list; what may be
repeated takes one value with each use of its flag, one line each in the
environment.
`)
	group := ""
	for _, o := range byGroup() {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "\n## %s\n\n| Option | Type | Default | |\n| --- | --- | --- | --- |\n", group)
		}
		fmt.Fprintf(&b, "| `-%s` | %s | %s | %s |\n", o.Flag, cell(typeOf(o)), code(o.Default), cell(notes(o)))
	}
	b.WriteString(`
## Accepted without effect

Skipper has these. Fairlead accepts them with a warning that says what is
missing. Those marked "refused" ask for protection: the proxy does not start
with them rather than serve without it.

`)
	reasons := map[string][]string{}
	for _, p := range pending.Flags() {
		why := p.Missing
		if p.Never {
			why += " (and will stay so)"
		}
		reasons[why] = append(reasons[why], pendingName(p))
	}
	byReason(&b, reasons)
	return b.String()
}

// byGroup returns all options sorted by group, in a group by flag.
func byGroup() []option.Info {
	all := option.NewSet().All()
	slices.SortStableFunc(all, func(a, b option.Info) int { return strings.Compare(a.Group, b.Group) })
	return all
}

func filtersPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Filters\n\nFilters change a request on its way to the backend and the response on its way\nback. Arguments in brackets may be left away.\n")
	var all []described
	for _, d := range filter.All() {
		all = append(all, described{d.Name, alsoKnown(d.Doc, d.Also), d.Params, d.Example, d.Differs})
	}
	overview(&b, "Filter", all)
	for _, d := range all {
		d.entry(&b)
	}
	missing(&b, pending.Filters(), pending.Filter)
	return b.String()
}

func predicatesPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Predicates\n\nPredicates say which requests a route is for: all of them must match. Arguments\nin brackets may be left away.\n")
	var all []described
	for _, d := range predicate.All() {
		all = append(all, described{d.Name, d.Doc, d.Params, d.Example, d.Differs})
	}
	overview(&b, "Predicate", all)
	for _, d := range all {
		d.entry(&b)
	}
	missing(&b, pending.Predicates(), pending.Predicate)
	return b.String()
}

// described is a filter or predicate as its page shows it.
type described struct {
	name, doc        string
	params           []arg.Param
	example, differs string
}

// overview lists all in one table: what each does, and how it differs.
func overview(b *strings.Builder, what string, all []described) {
	b.WriteString("\nThe last column says how one differs on purpose from Skipper's of that name, and why.\n")
	fmt.Fprintf(b, "\n| %s | What it does | Differs from Skipper |\n| --- | --- | --- |\n", what)
	for _, d := range all {
		fmt.Fprintf(b, "| [%s](#%s) | %s | %s |\n", d.name, strings.ToLower(d.name), cell(d.doc), cell(d.differs))
	}
}

// entry describes one with its arguments and an example.
func (d described) entry(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n`%s%s` %s.\n", d.name, d.name, arg.Signature(d.params), d.doc)
	if len(d.params) > 0 {
		b.WriteString("\n| Argument | Type | Range | Left away |\n| --- | --- | --- | --- |\n")
		for _, p := range d.params {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, cell(paramType(p)), cell(paramRange(p)), cell(leftAway(p)))
		}
	}
	fmt.Fprintf(b, "\n```eskip\n%s\n```\n", strings.TrimSpace(d.example))
	if d.differs != "" {
		fmt.Fprintf(b, "\nDiffers from Skipper: %s\n", d.differs)
	}
}

// paramType says of what kind an argument is.
func paramType(p arg.Param) string {
	t := p.Type.String()
	if p.Type == arg.Enum {
		t = "one of a list"
	}
	if p.Many {
		t += ", any number of them"
	}
	return t
}

// paramRange says which values of its type an argument may have.
func paramRange(p arg.Param) string {
	switch {
	case p.Type == arg.Enum:
		return strings.Join(p.OneOf, ", ")
	case p.Max > p.Min:
		return strconv.FormatFloat(p.Min, 'f', -1, 64) + " to " + strconv.FormatFloat(p.Max, 'f', -1, 64)
	}
	return ""
}

// leftAway says what an argument that is not given stands for, "" if it must be.
func leftAway(p arg.Param) string {
	switch {
	case !p.Optional:
		return ""
	case p.Default == "":
		return "has no part in it"
	}
	return p.Default
}

func pendingName(p pending.Flag) string {
	switch {
	case p.Guard:
		return "`-" + p.Name + "` (refused)"
	case p.KeyOnly:
		return "`" + p.Name + "` (only in YAML)"
	}
	return "`-" + p.Name + "`"
}

func missing(b *strings.Builder, names []string, why func(string) (string, bool)) {
	if len(names) == 0 {
		return
	}
	b.WriteString("\n## Not built yet\n\nSkipper has these, too. Routes with them are invalid.\n\n")
	reasons := map[string][]string{}
	for _, n := range names {
		m, _ := why(n)
		reasons[m] = append(reasons[m], "`"+n+"`")
	}
	byReason(b, reasons)
}

// byReason lists names under what keeps them from working.
func byReason(b *strings.Builder, names map[string][]string) {
	for _, why := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(b, "- %s: %s\n", why, strings.Join(names[why], ", "))
	}
}

// cell makes a text fit into a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "\n", " ").Replace(s)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}
