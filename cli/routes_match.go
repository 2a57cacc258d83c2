package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/table"
)

// matcher holds the flags of `fairlead routes match`.
type matcher struct {
	routes              []string
	method, remote      string
	headers             []string
	ignoreTrailingSlash bool
	normalizeHost       bool
	shuttingDown        bool
}

// routesMatch is `fairlead routes match`.
func (s *shell) routesMatch() *cobra.Command {
	var m matcher
	c := &cobra.Command{
		Use:   "match -routes FILE URL",
		Short: "say which route a request takes, and why not another",
		Long: `Say which route wins for a request, what its path parameters are bound to, and
why the routes that come near do not win. Nothing is sent.

Predicates that depend on chance (Traffic, TrafficSegment) or on time are asked
once: the answer may differ the next time. Routes with mistakes are left out, as
in the proxy. The exit status is 1 when no route matches.`,
		Example: `  fairlead routes match -routes routes.eskip http://example.org/hello
  fairlead routes match -routes routes.eskip -X POST -H 'X-User: jo' /api/v1/users
  fairlead routes match -routes a.eskip -routes b.eskip -remote 10.0.0.7 http://example.org/`,
		Args: arguments(1, 1, "one URL"),
		RunE: func(_ *cobra.Command, args []string) error {
			req, err := m.request(args[0])
			if err != nil {
				return status{exitUsage, err}
			}
			if len(m.routes) == 0 {
				return usage("no routes: name a file with -routes, or - for standard input")
			}
			t, err := s.table(&m)
			if err != nil {
				return err
			}
			return s.match(t, req)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&m.routes, "routes", nil, "file with routes, - for standard input; may be repeated")
	f.StringVarP(&m.method, "method", "X", "GET", "method of the request")
	f.StringArrayVarP(&m.headers, "header", "H", nil, "header field 'Name: value'; may be repeated")
	f.StringVar(&m.remote, "remote", "127.0.0.1", "address of the client")
	f.BoolVar(&m.ignoreTrailingSlash, "ignore-trailing-slash", false, "as the proxy's option of that name")
	f.BoolVar(&m.normalizeHost, "normalize-host", false, "as the proxy's option of that name")
	f.BoolVar(&m.shuttingDown, "shutting-down", false, "ask as if the proxy was about to end (predicate Shutdown)")
	return c
}

// request makes the request that the flags and the URL describe.
func (m *matcher) request(target string) (*message.Request, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("%q is no URL: %w", target, errors.Unwrap(err))
	}
	if !strings.HasPrefix(target, "/") && u.Host == "" {
		return nil, fmt.Errorf("found %q, expected a URL such as http://example.org/a?b=c, or a path that begins with /", target)
	}
	remote, err := netip.ParseAddr(m.remote)
	if err != nil {
		return nil, fmt.Errorf("-remote: found %q, expected an IP address", m.remote)
	}
	req := &message.Request{
		Method: m.method, Scheme: u.Scheme, Host: u.Host, Query: u.RawQuery,
		RawPath: u.EscapedPath(), Path: message.CleanPath(u.Path), Major: 1, Minor: 1,
		Remote: netip.AddrPortFrom(remote, 50000), ShuttingDown: m.shuttingDown,
	}
	if req.Scheme == "" {
		req.Scheme = "http"
	}
	for _, h := range m.headers {
		name, value, ok := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("-H: found %q, expected 'Name: value'", h)
		}
		value = strings.TrimSpace(value)
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	if m.normalizeHost {
		req.Host = normalHost(req.Host)
	}
	return req, nil
}

// normalHost cuts port and trailing dot and lowers the case, as the option
// normalize-host does.
func normalHost(h string) string {
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.Contains(h[i:], "]") {
		h = h[:i]
	}
	return strings.ToLower(strings.TrimSuffix(h, "."))
}

// table reads and compiles the routes. What is wrong with some of them is said
// on standard error and harms no other.
func (s *shell) table(m *matcher) (*table.Table, error) {
	docs, err := s.readAllDocuments(m.routes)
	if err != nil {
		return nil, err
	}
	c := compiler()
	var routes []*table.Route
	for _, d := range docs {
		for _, f := range d.faults {
			s.complain("left out: %v", f)
		}
		for _, def := range d.routes {
			r, problem := c.Compile(def)
			if problem != nil {
				for _, err := range apart(problem.Err) {
					s.complain("left out: route %q: %v", def.ID, err)
				}
				continue
			}
			routes = append(routes, &table.Route{ID: def.ID, Predicates: r.Predicates, Value: r})
		}
	}
	t, problems := table.New(table.Options{IgnoreTrailingSlash: m.ignoreTrailingSlash}).Update(routes, nil)
	for _, p := range problems {
		s.complain("left out: route %q: %v", p.ID, p.Err)
	}
	return t, nil
}

// match prints who wins and why not the others.
func (s *shell) match(t *table.Table, req *message.Request) error {
	winner, params := t.Lookup(req, req.Path, nil)
	if err := s.printf("%s %s%s\n", req.Method, req.Host, req.Path); err != nil {
		return err
	}
	if winner == nil {
		if err := s.printf("no route matches (%s)\n", count(t.Len(), "route")); err != nil {
			return err
		}
	} else if err := s.printWinner(winner, params); err != nil {
		return err
	}
	for _, c := range t.Explain(req, req.Path) {
		if c.Route == winner {
			continue
		}
		if err := s.printf("\nnot %s: %s\n  %s\n", routeName(c.Route), reason(c, winner), definition(c.Route)); err != nil {
			return err
		}
	}
	if winner == nil {
		return quiet(exitProblem)
	}
	return nil
}

func (s *shell) printWinner(r *table.Route, params message.Params) error {
	if err := s.printf("route %s wins (weight %d)\n  %s\n", routeName(r), table.Weight(r.Predicates), definition(r)); err != nil {
		return err
	}
	for _, p := range params {
		if err := s.printf("  %s = %q\n", p.Name, p.Value); err != nil {
			return err
		}
	}
	return nil
}

// routeName is the id and the place of a route.
func routeName(r *table.Route) string {
	def := r.Value.(*route.Route).Definition
	return fmt.Sprintf("%q (%s)", def.ID, def.Pos)
}

func definition(r *table.Route) string { return r.Value.(*route.Route).Definition.String() }

// reason says why a route did not win, with the predicate as it is written.
func reason(c table.Candidate, winner *table.Route) string {
	if preds := c.Route.Value.(*route.Route).Definition.Predicates; c.Predicate >= 0 && c.Predicate < len(preds) {
		return preds[c.Predicate].String() + " does not match"
	}
	if c.Verdict == table.Outweighed && winner != nil {
		return "it matches, but " + precedence(winner, c.Route)
	}
	return c.Reason()
}

// precedence says why winner is tried before r, spec 1.6: the nearer path, then
// the greater weight, then the lesser id.
func precedence(winner, r *table.Route) string {
	w, weight := table.Weight(winner.Predicates), table.Weight(r.Predicates)
	switch {
	case treePath(r) == "" && treePath(winner) != "":
		return fmt.Sprintf("routes with a path, such as %q, are tried before those without", winner.ID)
	case treePath(winner) != treePath(r):
		return fmt.Sprintf("the path of %q is nearer", winner.ID)
	case w > weight:
		return fmt.Sprintf("%q weighs more: %d against %d", winner.ID, w, weight)
	}
	return fmt.Sprintf("%q weighs the same and its id comes first", winner.ID)
}

// treePath returns the path condition of a route as one text.
func treePath(r *table.Route) string {
	for _, p := range r.Predicates {
		if tree, ok := p.(predicate.Tree); ok {
			pattern, subtree := tree.TreePath()
			return fmt.Sprint(pattern, subtree)
		}
	}
	return ""
}
