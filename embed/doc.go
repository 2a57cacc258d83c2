// Package embed is Fairlead as a library: a program of yours serves HTTP by
// routes, with filters and predicates of its own beside the built-in ones.
//
//	var _ = embed.Middleware("tag", func(next http.Handler) http.Handler {
//		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//			w.Header().Set("X-Tag", "seen")
//			next.ServeHTTP(w, r)
//		})
//	})
//
//	s, err := embed.New(embed.Config{
//		Routes: `* -> tag() -> "http://127.0.0.1:8080"`,
//		Flags:  []string{"-address=:9090"},
//	})
//	err = s.Serve(ctx)
//
// The walk: New reads the options, Serve runs the proxy as the command does until
// its context ends, SetRoutes replaces the routes meanwhile. Filters are declared
// with filter.Define, predicates with predicate.Define; Middleware makes a filter
// of the usual wrapper of an http.Handler, and Handler one that answers.
//
// How a middleware becomes a filter (middleware.go, run.go): it runs in a
// goroutine of its own, and that goroutine and the one of the exchange take turns.
// In the request phase the middleware runs until it calls next, which the proxy
// takes for "forward"; in the response phase next goes on with the response of the
// backend. Bodies are passed on in pieces, in both directions, as they come.
//
// What it promises: bodies of the exchange are read by the exchange's goroutine
// alone, whatever goroutines the middleware has; after the exchange nothing of it
// can be reached, reads and writes of a middleware that goes on fail. A middleware
// that panics costs its request a 500 and nothing else. Order and spelling of
// header fields that the middleware leaves alone stay. Signals, memory limits and
// the environment of the process are left alone.
//
// What it does not do: a ResponseWriter here cannot be hijacked; next forwards
// once and not again; a middleware that answers while the backend is still asked
// (http.TimeoutHandler) is heard when the backend has answered: backendTimeout is
// the filter for that.
//
// Start reading at New, then Middleware.
package embed
