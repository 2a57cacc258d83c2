package soak

import (
	"fmt"
	"regexp"
	"strings"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/predicate"
)

// example is one route of the table.
type example struct {
	of   string // the name of the filter or predicate
	path string // it is below
	text string
}

// examples returns the routes of all declarations, each below a path of its own.
// Whatever they call outside goes to backend, host:port; the files that they name
// below /etc/fairlead are in dir.
func examples(backend, dir string) ([]example, error) {
	var all []example
	add := func(kind, name, document string) error {
		routes, err := eskip.Parse(name, document)
		if err != nil {
			return err
		}
		for i, r := range routes {
			path := fmt.Sprintf("/%s/%s/%d", kind, name, i)
			r.ID = fmt.Sprintf("%s_%s_%d", kind, name, i)
			relocate(r, path, backend, dir)
			all = append(all, example{name, path, fmt.Sprintf("%s: %s;", r.ID, r.String())})
		}
		return nil
	}
	for _, d := range filter.All() {
		if err := add("filter", d.Name, d.Example); err != nil {
			return nil, err
		}
	}
	for _, d := range predicate.All() {
		if err := add("predicate", d.Name, d.Example); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// outside is an address in an argument.
var outside = regexp.MustCompile(`(https?|fastcgi|h2c)://[^/"'?#\s,]+`)

// relocate puts r below path and leads all that it calls to backend.
func relocate(r *eskip.Route, path, backend, dir string) {
	predicates := []eskip.Call{{Name: "PathSubtree", Args: []eskip.Arg{eskip.String(path)}}}
	for _, p := range r.Predicates {
		if p.Name != "Path" && p.Name != "PathSubtree" {
			predicates = append(predicates, p)
		}
	}
	r.Predicates = predicates
	for i := range r.Filters {
		for k, a := range r.Filters[i].Args {
			if a.Kind == eskip.StringArg {
				r.Filters[i].Args[k] = eskip.String(strings.ReplaceAll(outside.ReplaceAllString(a.Text, "http://"+backend), "/etc/fairlead", dir))
			}
		}
	}
	switch r.Backend.Type {
	case eskip.Network, eskip.Forward:
		r.Backend = eskip.Backend{Type: eskip.Network, Address: "http://" + backend}
	case eskip.LB:
		r.Backend.Endpoints = []eskip.Endpoint{{Address: "http://" + backend}, {Address: "http://" + strings.Replace(backend, "127.0.0.1", "localhost", 1)}}
	case eskip.Dynamic: // the last one wins: nothing leads outside, or back to us
		r.Filters = append(r.Filters, eskip.Call{Name: "setDynamicBackendUrl", Args: []eskip.Arg{eskip.String("http://" + backend)}})
	case eskip.Loopback:
		r.Filters = append(r.Filters, eskip.Call{Name: "setPath", Args: []eskip.Arg{eskip.String("/rest")}})
	}
}
