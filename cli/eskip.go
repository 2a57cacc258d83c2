package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/eskip"
)

// eskip is the tree of commands of the old name eskip (spec 1.5).
func (s *shell) eskip() *cobra.Command {
	c := &cobra.Command{
		Use:   "eskip",
		Short: "check, print and patch routes",
		Long: `The commands of eskip, as Skipper has them. What stores routes in etcd is not
supported. ` + "`fairlead routes`" + ` does more: it also checks filters and arguments,
formats, compares, and tells which route a request takes.`,
		Args: cobra.ArbitraryArgs,
		RunE: s.group,
	}
	c.AddCommand(s.eskipCheck(), s.eskipPrint(), s.eskipPatch(), s.version())
	for _, name := range []string{"upsert", "reset", "delete"} {
		c.AddCommand(s.eskipEtcd(name))
	}
	return c
}

// medium is where the routes of an eskip command come from.
type medium struct {
	routes   string
	ids      []string
	etcd     [3]string
	etcdName [3]string
}

func (m *medium) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.routes, "routes", "", "routes, instead of a file")
	f.StringSliceVar(&m.ids, "ids", nil, "only the routes with these ids, separated by commas")
	m.etcdName = [...]string{"etcd-urls", "etcd-prefix", "etcd-oauth-token"}
	for i, name := range m.etcdName {
		f.StringVar(&m.etcd[i], name, "", "not supported")
	}
}

// read returns the routes of the medium: -routes, a file, or standard input.
func (m *medium) read(s *shell, args []string) ([]*eskip.Route, error) {
	for i, v := range m.etcd {
		if v != "" {
			return nil, fmt.Errorf("-%s: etcd is not supported; name a file, or write the routes to standard input", m.etcdName[i])
		}
	}
	d, err := m.document(s, args)
	if err != nil {
		return nil, err
	}
	if err := s.report(d.faults); err != nil {
		return nil, err
	}
	if len(m.ids) == 0 {
		return d.routes, nil
	}
	for _, id := range m.ids {
		if !slices.ContainsFunc(d.routes, func(r *eskip.Route) bool { return r.ID == id }) {
			return nil, fmt.Errorf("-ids: there is no route %q in %s", id, d.name)
		}
	}
	return slices.DeleteFunc(d.routes, func(r *eskip.Route) bool { return !slices.Contains(m.ids, r.ID) }), nil
}

func (m *medium) document(s *shell, args []string) (document, error) {
	switch {
	case m.routes != "" && len(args) > 0:
		return document{}, usage("found both -routes and the file %q, expected one of them", args[0])
	case m.routes != "":
		return parse("-routes", m.routes), nil
	case len(args) > 0:
		return s.readDocument(args[0])
	case s.atTerminal():
		return document{}, usage("no routes: name a file, use -routes, or write them to standard input")
	}
	return s.readDocument("-")
}

// atTerminal reports whether standard input is a person, who would wait.
func (s *shell) atTerminal() bool {
	f, ok := s.Stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

var oneFile = arguments(0, 1, "at most one file")

// eskipCheck is `eskip check`.
func (s *shell) eskipCheck() *cobra.Command {
	var m medium
	c := &cobra.Command{
		Use:   "check [file]",
		Short: "check the syntax of routes",
		Args:  oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := m.read(s, args)
			return err
		},
	}
	m.flags(c)
	return c
}

// eskipPrint is `eskip print`.
func (s *shell) eskipPrint() *cobra.Command {
	var m medium
	var p printer
	c := &cobra.Command{
		Use:   "print [file]",
		Short: "print routes",
		Args:  oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			routes, err := m.read(s, args)
			if err != nil {
				return err
			}
			return p.print(s, routes)
		},
	}
	m.flags(c)
	p.flags(c)
	return c
}

// eskipPatch is `eskip patch`.
func (s *shell) eskipPatch() *cobra.Command {
	var m medium
	var p printer
	var prepend, prependFile, appended, appendFile string
	c := &cobra.Command{
		Use:     "patch [file]",
		Short:   "print routes with filters added to each",
		Example: `  eskip patch -prepend 'flowId()' -append 'setResponseHeader("X-By", "me")' routes.eskip`,
		Args:    oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			first, err := filters("prepend", prepend, prependFile)
			if err != nil {
				return err
			}
			last, err := filters("append", appended, appendFile)
			if err != nil {
				return err
			}
			routes, err := m.read(s, args)
			if err != nil {
				return err
			}
			for _, r := range routes {
				r.Filters = slices.Concat(first, r.Filters, last)
			}
			return p.print(s, routes)
		},
	}
	m.flags(c)
	p.flags(c)
	f := c.Flags()
	f.StringVar(&prepend, "prepend", "", "filters to put before those of each route")
	f.StringVar(&prependFile, "prepend-file", "", "file with filters to put before those of each route")
	f.StringVar(&appended, "append", "", "filters to put behind those of each route")
	f.StringVar(&appendFile, "append-file", "", "file with filters to put behind those of each route")
	return c
}

// filters reads the filters that a flag or the file of a flag gives.
func filters(flag, text, file string) ([]eskip.Call, error) {
	where := "-" + flag
	if file != "" {
		if text != "" {
			return nil, usage("found both -%s and -%s-file, expected one of them", flag, flag)
		}
		data, err := readFile(file, eskip.MaxDocument)
		if err != nil {
			return nil, fmt.Errorf("-%s-file: read filters from %q: %w", flag, file, bare(err))
		}
		text, where = string(data), file
	}
	calls, err := eskip.ParseFilters(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return calls, nil
}

// eskipEtcd is a command that needs etcd.
func (s *shell) eskipEtcd(name string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		Short:              "not supported: it changes routes in etcd",
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 && (strings.TrimLeft(args[0], "-") == "h" || strings.TrimLeft(args[0], "-") == "help") {
				return s.printf("eskip %s is not supported: it changes routes in etcd.\n", name)
			}
			return fmt.Errorf("%s: etcd is not supported; keep the routes in a file and serve it with -routes-file, which follows changes", name)
		},
	}
}
