// Package predicate is the contract of predicates: the conditions under which
// a route applies. People who embed Fairlead add their own with it.
//
//	var _ = predicate.Define(predicate.Def{
//		Name:    "Method",
//		Params:  []arg.Param{{Name: "method", Type: arg.Text}},
//		Doc:     "the request has this method",
//		Example: `Method("GET") -> status(204) -> <shunt>`,
//		New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
//			return method(v.Text(0)), nil
//		},
//	})
//
// The walk: a declaration is made once with Define. When a route is compiled
// its arguments are checked against Params and New makes the instance of that
// route. The routing table asks Match for each request that comes near the
// route, or uses the optional interfaces (Tree, Host) and does not ask at all;
// Weighted and WeightKeyed say what the predicate counts in the order of routes
// (spec 1.6).
//
// The package promises that declarations do not change after the program has
// started. It does not know any predicate itself: they live in the folders
// below, one file each, and predicatetest is the suite that all of them pass.
//
// Start reading at Predicate, then Def.
package predicate
