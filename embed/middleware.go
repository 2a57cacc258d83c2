package embed

import (
	"context"
	"fmt"
	"net/http"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Middleware declares a filter that runs mw around what follows it in the route:
// next is the filters behind it and the backend, or whoever else answers, Fairlead
// itself included. mw is called once for each route that has the filter, the
// handler it returns for many requests at a time. It panics when the name is
// taken.
func Middleware(name string, mw func(next http.Handler) http.Handler) *filter.Def {
	return DefineMiddleware(filter.Def{
		Name: name, Doc: "runs the middleware of that name", Example: "* -> " + name + "() -> <shunt>",
	}, func(arg.Values, *filter.Env) (func(http.Handler) http.Handler, error) { return mw, nil })
}

// Handler declares a filter that answers with h: what follows it in the route is
// not asked. It panics when the name is taken.
func Handler(name string, h http.Handler) *filter.Def {
	return DefineMiddleware(filter.Def{
		Name: name, Doc: "answers with the handler of that name", Example: "* -> " + name + "() -> <shunt>",
	}, func(arg.Values, *filter.Env) (func(http.Handler) http.Handler, error) {
		return func(http.Handler) http.Handler { return h }, nil
	})
}

// DefineMiddleware is Middleware for filters with arguments and a description: def
// lacks New, which make takes the place of. It panics when the declaration is
// incomplete or its name taken.
func DefineMiddleware(def filter.Def, build func(v arg.Values, env *filter.Env) (func(next http.Handler) http.Handler, error)) *filter.Def {
	def.New = func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		mw, err := build(v, env)
		if err != nil {
			return nil, err
		}
		f := &middleware{name: def.Name, env: env, owner: ownerOf(env), key: filter.NewKey[[]*run](def.Name)}
		if f.handler = mw(http.HandlerFunc(next)); f.handler == nil {
			return nil, fmt.Errorf("the middleware %q gave no handler", def.Name)
		}
		return f, nil
	}
	return filter.Define(def)
}

// middleware is a filter that runs an http.Handler.
type middleware struct {
	name    string
	handler http.Handler
	env     *filter.Env
	owner   *owner
	// key has the runs of an exchange: a loopback may come by twice.
	key *filter.Key[[]*run]
}

// HandlesErrors implements filter.ErrorHandler: a middleware sees every answer.
func (f *middleware) HandlesErrors() bool { return true }

// Request runs the middleware until it calls next or answers.
func (f *middleware) Request(c *filter.Context) {
	r := f.start(c)
	all, _ := f.key.Get(c)
	f.key.Set(c, append(all, r))
	switch e := r.await(); e.kind {
	case nextCalled:
		r.forward(e)
	case headWritten:
		r.answer(e.status, e.header)
	case finished:
		if e.panicked {
			r.refuse(message.ReasonFilterPanic)
			return
		}
		r.answer(http.StatusOK, r.out.take())
	case clientGone:
		r.refuse(message.ReasonClientGone)
	}
}

// Response lets next go on with the response, until the middleware has written the
// head of its own.
func (f *middleware) Response(c *filter.Context) {
	all, _ := f.key.Get(c)
	for i := len(all) - 1; i >= 0; i-- {
		if r := all[i]; !r.responded {
			r.responded = true
			if r.called != nil && !r.ended {
				r.respond()
			}
			return
		}
	}
}

// End implements filter.Ender: the middleware cannot reach the exchange any more.
func (f *middleware) End(c *filter.Context) {
	all, _ := f.key.Get(c)
	if n := len(all); n > 0 {
		all[n-1].end()
		all[n-1].in.enter(over) // what comes on the connection now is of the next exchange
		f.key.Set(c, all[:n-1])
	}
}

// runKey is where the context of a request has its run.
type runKey struct{}

// RouteID returns the id of the route that r matched; it is for handlers and
// middlewares that run as filters, "" for others.
func RouteID(r *http.Request) string {
	if run, ok := r.Context().Value(runKey{}).(*run); ok {
		return run.routeID
	}
	return ""
}

// next is what middlewares call.
func next(w http.ResponseWriter, req *http.Request) {
	r, ok := req.Context().Value(runKey{}).(*run)
	if !ok {
		http.Error(w, "the middleware lost the context of the request", http.StatusInternalServerError)
		return
	}
	r.next(w, req)
}

// start runs the handler in a goroutine of its own.
func (f *middleware) start(c *filter.Context) *run {
	r := &run{c: c, filter: f, routeID: c.RouteID, events: make(chan event), quit: make(chan struct{})}
	r.out = &writer{r: r, header: http.Header{}, bodiless: c.Request.Method == http.MethodHead}
	r.ctx = c.Context()
	r.in = &inbound{r: r, src: c.Request.Body}
	r.request = newRequest(context.WithValue(r.ctx, runKey{}, r), c, r.in)
	r.sent = snapshot(r.request)
	f.owner.running.Add(1)
	go r.run(r.request)
	return r
}
