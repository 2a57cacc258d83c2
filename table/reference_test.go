package table

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// reference is spec 1.6 done in the plainest way: every route is tried, in the
// order of precedence.
type reference struct {
	options Options
	routes  map[string]*Route
}

// rank is the place of a route in the order for one path. tree positions are
// compared by the kind of each segment: "0" literal, "1" wildcard, "2" free
// wildcard; "9" stands for routes without a path.
type rank struct {
	route    *Route
	position string
	weight   int
}

func (ref reference) lookup(req *message.Request, path string) (*Route, message.Params) {
	if ref.options.IgnoreTrailingSlash && len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	var ranks []rank
	for _, r := range ref.routes {
		for _, position := range ref.positions(r, path) {
			ranks = append(ranks, rank{r, position, referenceWeight(r)})
		}
	}
	slices.SortFunc(ranks, func(a, b rank) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(b.weight, a.weight), cmp.Compare(a.route.ID, b.route.ID))
	})
	for _, k := range ranks {
		if matchAll(k.route, req) {
			return k.route, ref.params(k.route, path)
		}
	}
	return nil, nil
}

func matchAll(r *Route, req *message.Request) bool {
	for _, p := range r.Predicates {
		if _, tree := p.(fakePath); !tree && !p.Match(req) {
			return false
		}
	}
	return true
}

// positions returns those tree positions of r that path reaches.
func (ref reference) positions(r *Route, path string) []string {
	var leaves []string
	p := pathOf(r)
	switch {
	case p.pattern == "":
		return []string{"9"}
	case p.subtree:
		base := strings.TrimSuffix(withoutFree(clean(p.pattern)), "/")
		leaves = []string{base + "/", base + "/**"}
		if base != "" {
			leaves = append(leaves, base)
		}
	case ref.options.IgnoreTrailingSlash && len(clean(p.pattern)) > 1:
		leaves = []string{strings.TrimSuffix(clean(p.pattern), "/")}
	default:
		leaves = []string{clean(p.pattern)}
	}
	var found []string
	for _, leaf := range leaves {
		if position, ok := position(leaf, path); ok {
			found = append(found, position)
		}
	}
	return found
}

func pathOf(r *Route) fakePath {
	for _, p := range r.Predicates {
		if p, ok := p.(fakePath); ok {
			return p
		}
	}
	return fakePath{}
}

func clean(p string) string { return message.CleanPath(p) }

func withoutFree(p string) string {
	i := strings.LastIndex(p, "/")
	if strings.HasPrefix(p[i+1:], "*") {
		return p[:i]
	}
	return p
}

func position(leaf, path string) (string, bool) {
	want, have := strings.Split(leaf, "/")[1:], strings.Split(path, "/")[1:]
	kinds := ""
	for i, w := range want {
		if strings.HasPrefix(w, "*") {
			return kinds + "2", i < len(have) && strings.Join(have[i:], "/") != ""
		}
		if i >= len(have) {
			return "", false
		}
		switch {
		case strings.HasPrefix(w, ":") && have[i] != "":
			kinds += "1"
		case w == have[i] && !strings.HasPrefix(w, ":"):
			kinds += "0"
		default:
			return "", false
		}
	}
	return kinds, len(want) == len(have)
}

func (ref reference) params(r *Route, path string) message.Params {
	p := pathOf(r)
	if p.pattern == "" {
		return nil
	}
	var params message.Params
	bind := func(name, value string) {
		if d, err := url.QueryUnescape(value); err == nil {
			value = d
		}
		params = append(params, message.Param{Name: name, Value: value})
	}
	pat := clean(p.pattern)
	if ref.options.IgnoreTrailingSlash && !p.subtree && len(pat) > 1 {
		pat = strings.TrimSuffix(pat, "/")
	}
	if p.subtree && withoutFree(pat) == pat {
		pat = strings.TrimSuffix(pat, "/") + "/*"
	}
	have := strings.Split(path, "/")[1:]
	for i, w := range strings.Split(pat, "/")[1:] {
		switch {
		case strings.HasPrefix(w, ":") && len(w) > 1:
			bind(w[1:], have[i])
		case w == "*":
			bind("*", "/"+strings.Join(have[min(i, len(have)):], "/"))
		case strings.HasPrefix(w, "*"):
			bind(w[1:], "/"+strings.Join(have[min(i, len(have)):], "/"))
		}
	}
	return params
}

func referenceWeight(r *Route) int {
	sum := 0
	names := map[string]bool{}
	for _, p := range r.Predicates {
		switch p := p.(type) {
		case fakePath:
		case fakeWeight:
			sum += int(p)
		case fakeHeader:
			if !names[p.name] {
				names[p.name] = true
				sum++
			}
		default:
			sum++
		}
	}
	return sum
}

var _ predicate.Tree = fakePath{}
var _ predicate.Host = fakeHost{}
