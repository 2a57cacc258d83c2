package traffic

import (
	"errors"
	"math/rand/v2"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name: "Traffic",
	Params: []arg.Param{
		{Name: "chance", Type: arg.Number, Min: 0, Max: 1},
		{Name: "cookie", Type: arg.Text, Optional: true, Default: "no client stays with a route"},
		{Name: "group", Type: arg.Text, Optional: true},
	},
	Doc: "a share of the requests; those with the cookie stay with the route of their group",
	Example: `test: Path("/cart") && Traffic(0.05, "cart-test", "test") -> responseCookie("cart-test", "test") -> "http://test.example.org";
cart: Path("/cart") -> responseCookie("cart-test", "default") -> "http://cart.example.org";
new: Path("/") && Traffic(0.1) -> "http://new.example.org";
old: Path("/") -> "http://old.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		if v.Len() == 2 {
			return nil, errors.New("found a cookie without a group: give both or none")
		}
		return chance{share: v.Number(0), cookie: v.Text(1), group: v.Text(2)}, nil
	},
})

type chance struct {
	share float64
	// group is "" where requests do not stay with a route.
	cookie, group string
}

// Match implements predicate.Predicate.
func (c chance) Match(r *message.Request) bool {
	if c.group != "" {
		if group, ok := message.Cookie(&r.Header, c.cookie); ok {
			return group == c.group
		}
	}
	return rand.Float64() < c.share
}
