package auth

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/issuer"
)

// wanted is what a filter asks of the claims of a token.
type wanted interface{ in(issuer.Claims) bool }

// names is a list of which any or all must be there.
type names struct {
	list []string
	all  bool
}

// holds reports whether enough of the names are there.
func (n *names) holds(there func(string) bool) bool {
	for _, name := range n.list {
		if there(name) != n.all {
			return !n.all
		}
	}
	return n.all
}

// scopes asks for names in the claim "scope": a list, or one string with spaces
// (RFC 6749 3.3).
type scopes struct{ names }

func (s *scopes) in(c issuer.Claims) bool {
	switch have := c["scope"].(type) {
	case []any:
		return s.holds(func(name string) bool {
			for _, h := range have {
				if h == any(name) {
					return true
				}
			}
			return false
		})
	case string:
		return s.holds(func(name string) bool {
			for h := range strings.FieldsSeq(have) {
				if h == name {
					return true
				}
			}
			return false
		})
	}
	return false
}

// claimed asks for names in the object "claims", or among all where there is no
// such object: RFC 7662 knows none.
type claimed struct{ names }

func (w *claimed) in(c issuer.Claims) bool {
	have, ok := c["claims"].(map[string]any)
	if !ok {
		have = c
	}
	return w.holds(func(name string) bool {
		_, there := have[name]
		return there
	})
}

// pairs asks for claims that are these strings.
type pairs struct {
	list []pair
	all  bool
}

type pair struct{ key, value string }

func (p *pairs) in(c issuer.Claims) bool {
	for _, want := range p.list {
		if v, ok := c.Text(want.key); (ok && v == want.value) != p.all {
			return !p.all
		}
	}
	return p.all
}

// newNames takes the arguments from number i on.
func newNames(v arg.Values, i int, all bool) (names, error) {
	n := names{list: v.Texts(i), all: all}
	for at, name := range n.list {
		if name == "" {
			return n, v.Wrong(i+at, "found an empty name, which no token has")
		}
	}
	return n, nil
}

// newPairs takes the arguments from number i on as keys and values in turn.
func newPairs(v arg.Values, i int, all bool) (*pairs, error) {
	texts := v.Texts(i)
	if len(texts)%2 != 0 {
		return nil, v.Wrong(v.Len()-1, "found the key %q without a value, expected keys and values in turn", texts[len(texts)-1])
	}
	p := &pairs{all: all}
	for at := 0; at < len(texts); at += 2 {
		if texts[at] == "" {
			return nil, v.Wrong(i+at, "found an empty key, which no token has")
		}
		p.list = append(p.list, pair{texts[at], texts[at+1]})
	}
	return p, nil
}
