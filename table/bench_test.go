package table

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/fairlead/message"
)

func hostName(i int) string { return fmt.Sprintf("app-%05d.team-%d.example.org", i, i%97) }

// hostRoutes are routes as Kubernetes conversion makes them: one host each, all
// on one path.
func hostRoutes(n int) []*Route {
	routes := make([]*Route, n)
	for i := range routes {
		expr := "^(" + dots.ReplaceAllString(hostName(i), "[.]") + "[.]?(:[0-9]+)?)$"
		// The expression is never asked, so it needs no compiled form.
		routes[i] = route(fmt.Sprintf("kube_ns%d__app%d__%s____svc", i%97, i, hostName(i)), fakeHost{expr: expr}, subtreeOf("/"))
	}
	return routes
}

// hostPathRoutes are routes with four paths on each host.
func hostPathRoutes(n int) []*Route {
	routes := hostRoutes(n / 4)
	for i := range n / 4 {
		for j, p := range []string{"/api/v1", "/static", "/admin"} {
			routes = append(routes, route(fmt.Sprintf("%d-%d", i, j), routes[i].Predicates[0], subtreeOf(p)))
		}
	}
	return routes
}

// pathRoutes are routes with a path of their own each.
func pathRoutes(n int) []*Route {
	routes := make([]*Route, n)
	for i := range routes {
		routes[i] = route(fmt.Sprintf("path-%d", i), path(fmt.Sprintf("/api/v%d/service-%d/items", i%7, i)))
	}
	return routes
}

type benchRequest struct {
	req  *message.Request
	path string
}

// shuffled spreads requests over a table of n, so that its memory is not always
// at hand.
func shuffled(n int, make func(i int) benchRequest) []benchRequest {
	reqs := []benchRequest{}
	for i := range 4096 {
		reqs = append(reqs, make(i*7919%n))
	}
	return reqs
}

func BenchmarkLookup(b *testing.B) {
	onHost := func(path string) func(int) benchRequest {
		return func(i int) benchRequest { return benchRequest{get("GET", hostName(i)), path} }
	}
	wild := []*Route{}
	generic := []*Route{route("last", subtreeOf("/"))}
	for i := range 1000 {
		wild = append(wild, route(fmt.Sprint("w", i), host(fmt.Sprintf(`^[a-z0-9-]+[.]team-%d[.]example[.]org[.]?(:[0-9]+)?$`, i)), subtreeOf("/")))
	}
	for i := range 100 {
		generic = append(generic, route(fmt.Sprint("g", i), host(fmt.Sprintf("^app-0*%d.team", i)), subtreeOf("/")))
	}
	cases := []struct {
		name   string
		routes []*Route
		reqs   []benchRequest
	}{
		{"20kHosts", hostRoutes(20_000), shuffled(20_000, onHost("/api/v1/items"))},
		{"20kHostsPort", hostRoutes(20_000), shuffled(20_000, func(i int) benchRequest {
			return benchRequest{get("GET", hostName(i)+":8080"), "/"}
		})},
		{"100kHosts", hostRoutes(100_000), shuffled(100_000, onHost("/api/v1/items"))},
		{"10kHostPaths", hostPathRoutes(10_000), shuffled(2500, onHost("/api/v1/items/7"))},
		{"PathTree", pathRoutes(10_000), shuffled(10_000, func(i int) benchRequest {
			return benchRequest{get("GET", "localhost"), fmt.Sprintf("/api/v%d/service-%d/items", i%7, i)}
		})},
		{"Params", []*Route{route("p", path("/users/:id/posts/:post/*rest"))}, shuffled(1, func(int) benchRequest {
			return benchRequest{get("GET", "localhost"), "/users/4711/posts/12/comments/3"}
		})},
		{"Wildcard", wild, shuffled(97, onHost("/"))},
		{"RegexpHosts", generic, shuffled(97, onHost("/"))},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			tab := build(b, Options{}, c.routes...)
			params := make(message.Params, 0, 8)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				q := &c.reqs[i&4095]
				if r, _ := tab.Lookup(q.req, q.path, params); r == nil {
					b.Fatalf("no route for %q %q", q.req.Host, q.path)
				}
				i++
			}
		})
	}
}

// BenchmarkBacktrack is the worst table for one path: every literal segment has
// a wildcard beside it, nothing matches.
func BenchmarkBacktrack(b *testing.B) {
	tab, path := adversary(b, 12, new(int))
	for b.Loop() {
		tab.Lookup(get("GET", "localhost"), path, nil)
	}
}

func BenchmarkUpdateOneOf100k(b *testing.B) {
	tables := map[string][]*Route{"Hosts": hostRoutes(100_000), "Paths": pathRoutes(100_000)}
	for name, routes := range tables {
		b.Run(name, func(b *testing.B) {
			tab := build(b, Options{}, routes...)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				changed := *routes[i%len(routes)]
				tab, _ = tab.Update([]*Route{&changed}, nil)
				i += 7919
			}
		})
	}
}

func BenchmarkLoad100k(b *testing.B) {
	tables := map[string][]*Route{"Hosts": hostRoutes(100_000), "Paths": pathRoutes(100_000), "HostPaths": hostPathRoutes(100_000)}
	for name, routes := range tables {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var tab *Table
			before := cpu()
			for b.Loop() {
				tab = build(b, Options{}, routes...)
			}
			b.ReportMetric((cpu()-before).Seconds()/float64(b.N), "cpu-s/op")
			with := heap()
			runtime.KeepAlive(tab)
			tab = nil
			b.ReportMetric(float64(with-heap())/float64(len(routes)), "heapB/route")
		})
	}
}

// cpu returns the processor time of this process, the collector's included.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap returns the bytes that are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// adversary returns a table of 2^depth routes, each a mix of literal and
// wildcard segments, and a path of 4 KB that leads to all of them. None
// matches; asked counts how many were asked.
func adversary(t failer, depth int, asked *int) (*Table, string) {
	t.Helper()
	var routes []*Route
	for mix := range 1 << depth {
		pattern := ""
		for i := range depth {
			if mix>>i&1 == 0 {
				pattern += "/a"
			} else {
				pattern += "/:x"
			}
		}
		routes = append(routes, route(fmt.Sprint(mix), path(pattern+"/*rest"), fakeNever{asked}))
	}
	long := ""
	for len(long) < 4096 {
		long += "/a"
	}
	return build(t, Options{}, routes...), long
}
