package eskip

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Check reports what Parse would not have let through in a route that was made
// in another way: names that the language cannot write, predicates that exclude
// each other, wrong arguments of the predicates that belong to the language,
// malformed backends (spec 1.5). The error is an ErrorList.
//
// Parse and UnmarshalJSON check by themselves.
func Check(r *Route) error {
	var f faults
	c := checker{routeID: r.ID, to: &f}
	c.names(r)
	c.predicates(r.Predicates)
	c.backend(&r.Backend, r.Pos)
	return f.err()
}

// checker looks at the meaning of one route.
type checker struct {
	routeID string
	to      *faults
}

func (c *checker) fault(at Pos, found, expected, hint string) {
	c.to.add(Error{Pos: at, RouteID: c.routeID, Found: found, Expected: expected, Hint: hint})
}

const symbolForm = "letters, digits and _, no digit first"

// names checks what the grammar ensures in a document.
func (c *checker) names(r *Route) {
	if r.ID != "" && !isSymbol(r.ID) {
		c.fault(r.Pos, "the id "+excerpt(r.ID), symbolForm, "")
	}
	c.calls("predicate", r.Predicates)
	c.calls("filter", r.Filters)
	if a := r.Backend.Algorithm; r.Backend.Type == LB && a != "" && !isSymbol(a) {
		c.fault(r.Pos, "the algorithm "+excerpt(a), symbolForm, "")
	}
}

func (c *checker) calls(what string, calls []Call) {
	for i := range calls {
		call := &calls[i]
		if !isSymbol(call.Name) && (what == "filter" || !isAny(call)) {
			c.fault(call.Pos, "the "+what+" "+excerpt(call.Name), symbolForm, "")
		}
		for _, a := range call.Args {
			if a.Kind == NumberArg && (math.IsNaN(a.Number) || math.IsInf(a.Number, 0)) {
				c.fault(call.Pos, "the argument "+strconv.FormatFloat(a.Number, 'g', -1, 64), "a finite number", "")
			}
		}
	}
}

// predicates checks the predicates that belong to the language, one by one and
// together.
func (c *checker) predicates(calls []Call) {
	var path, method *Call
	var headers map[string]bool
	for i := range calls {
		call := &calls[i]
		c.arguments(call)
		switch call.Name {
		case "Path", "PathSubtree":
			if path != nil {
				c.fault(call.Pos, call.Name+" after "+path.Name, "Path or PathSubtree, once", "write one route for each path")
			}
			path = call
		case "Method":
			if method != nil {
				c.fault(call.Pos, "Method for the second time", "Method once", `several methods are written Methods("GET", "POST")`)
			}
			method = call
		case "Header":
			if len(call.Args) == 0 {
				continue
			}
			name := call.Args[0].Text
			if headers[name] {
				c.fault(call.Pos, "Header("+excerpt(name)+", ...) for the second time", "each header once", "several values are matched with HeaderRegexp")
			}
			if headers == nil {
				headers = map[string]bool{}
			}
			headers[name] = true
		}
	}
}

// shape returns the names of the arguments of a predicate that belongs to the
// language. All are strings. The other predicates are checked where they are
// declared.
func shape(predicate string) (args string, n int) {
	switch predicate {
	case "Path", "PathSubtree":
		return `"/path"`, 1
	case "Host", "PathRegexp":
		return "/regexp/", 1
	case "Method":
		return `"GET"`, 1
	case "Header":
		return `"name", "value"`, 2
	case "HeaderRegexp":
		return `"name", /regexp/`, 2
	}
	return "", 0
}

func (c *checker) arguments(call *Call) {
	form, n := shape(call.Name)
	if n == 0 {
		return
	}
	if len(call.Args) != n {
		c.fault(call.Pos, fmt.Sprintf("%s with %s", call.Name, plural(len(call.Args))), call.Name+"("+form+")", "")
		return
	}
	for _, a := range call.Args {
		if a.Kind != StringArg {
			c.fault(call.Pos, call.Name+" with the number "+a.String(), call.Name+"("+form+")", "write the number in quotes")
		}
	}
}

func plural(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return strconv.Itoa(n) + " arguments"
}

// backend checks the form of the addresses and that all endpoints have the same
// scheme.
func (c *checker) backend(b *Backend, at Pos) {
	switch b.Type {
	case Network:
		c.address(b.Address, at)
	case LB:
		if len(b.Endpoints) == 0 {
			c.fault(at, "no endpoint", "at least one", "")
			return
		}
		c.endpoints(b.Endpoints, at)
	}
}

func (c *checker) endpoints(endpoints []Endpoint, at Pos) {
	first, _, _ := strings.Cut(endpoints[0].Address, "://")
	mixed := false
	for _, e := range endpoints {
		if !c.address(e.Address, at) {
			continue
		}
		if e.badZone() {
			c.fault(at, "the endpoint "+excerpt(masked(e.Address)), "a zone with good escapes", `"%" is written %25`)
		}
		if s, _, _ := strings.Cut(e.Address, "://"); !mixed && !strings.EqualFold(s, first) {
			mixed = true
			c.fault(at, "endpoints with the schemes "+excerpt(first)+" and "+excerpt(s), "the same scheme for all", "")
		}
	}
}

func (c *checker) address(address string, at Pos) bool {
	expected, hint := addressFault(address)
	if expected == "" {
		return true
	}
	c.fault(at, "the backend "+excerpt(masked(address)), expected, hint)
	return false
}

// isAny reports whether a predicate is no condition at all.
func isAny(c *Call) bool { return c.Name == "*" || c.Name == "Any" }
