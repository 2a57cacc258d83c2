package tabletest

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// Table is a set of routes: the predicates of each by its id.
type Table struct {
	IgnoreTrailingSlash bool
	Routes              map[string][]predicate.Predicate
}

// rank is the place of a route in the order for one path. tree positions are
// compared by the kind of each segment: "0" literal, "1" wildcard, "2" free
// wildcard; "9" stands for routes without a path.
type rank struct {
	id, position string
	weight       int
}

// Lookup returns the id of the route for req and the values that its path binds,
// in path order; found is false when there is none. path is decoded and clean.
func (t Table) Lookup(req *message.Request, path string) (id string, params message.Params, found bool) {
	if t.IgnoreTrailingSlash && len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	var ranks []rank
	for id, preds := range t.Routes {
		for _, position := range t.positions(preds, path) {
			ranks = append(ranks, rank{id, position, weight(preds)})
		}
	}
	slices.SortFunc(ranks, func(a, b rank) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(b.weight, a.weight), cmp.Compare(a.id, b.id))
	})
	for _, k := range ranks {
		if MatchAll(t.Routes[k.id], req) {
			return k.id, t.params(t.Routes[k.id], path), true
		}
	}
	return "", nil, false
}

// MatchAll reports whether all predicates but those on the path tree match.
func MatchAll(preds []predicate.Predicate, req *message.Request) bool {
	for _, p := range preds {
		if _, tree := p.(predicate.Tree); !tree && !p.Match(req) {
			return false
		}
	}
	return true
}

// positions returns those tree positions that path reaches.
func (t Table) positions(preds []predicate.Predicate, path string) []string {
	var leaves []string
	pattern, subtree := pathOf(preds)
	switch {
	case pattern == "":
		return []string{"9"}
	case subtree:
		base := strings.TrimSuffix(withoutFree(clean(pattern)), "/")
		leaves = []string{base + "/", base + "/**"}
		if base != "" {
			leaves = append(leaves, base)
		}
	case t.IgnoreTrailingSlash && len(clean(pattern)) > 1:
		leaves = []string{strings.TrimSuffix(clean(pattern), "/")}
	default:
		leaves = []string{clean(pattern)}
	}
	var found []string
	for _, leaf := range leaves {
		if position, ok := position(leaf, path); ok {
			found = append(found, position)
		}
	}
	return found
}

func pathOf(preds []predicate.Predicate) (pattern string, subtree bool) {
	for _, p := range preds {
		if p, ok := p.(predicate.Tree); ok {
			return p.TreePath()
		}
	}
	return "", false
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

func (t Table) params(preds []predicate.Predicate, path string) message.Params {
	pattern, subtree := pathOf(preds)
	if pattern == "" {
		return nil
	}
	var params message.Params
	bind := func(name, value string) {
		if d, err := url.QueryUnescape(value); err == nil {
			value = d
		}
		params = append(params, message.Param{Name: name, Value: value})
	}
	pat := clean(pattern)
	if t.IgnoreTrailingSlash && !subtree && len(pat) > 1 {
		pat = strings.TrimSuffix(pat, "/")
	}
	if subtree && withoutFree(pat) == pat {
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

func weight(preds []predicate.Predicate) int {
	sum := 0
	keys := map[string]bool{}
	for _, p := range preds {
		switch p := p.(type) {
		case predicate.Tree:
		case predicate.Weighted:
			sum += p.Weight()
		case predicate.WeightKeyed:
			if key := p.WeightKey(); !keys[key] {
				keys[key] = true
				sum++
			}
		default:
			sum++
		}
	}
	return sum
}
