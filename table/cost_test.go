package table

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/message"
)

func TestLookupAllocations(t *testing.T) {
	routes := hostRoutes(2000)
	routes = append(routes,
		route("wild", host(`^([a-z-]+[.])*wild[.]org[.]?(:[0-9]+)?$`), subtreeOf("/:a/:b"), method("GET")),
		route("rx", host("[0-9]+[.]net"), path("/a/*b")),
		route("rest", path("/x/:y"), header("A", "")))
	tab := build(t, Options{}, routes...)
	tests := []struct{ host, path, want string }{
		{hostName(77), "/a/b/c", routes[77].ID},
		{hostName(77) + ".:8080", "/", routes[77].ID},
		{"a.b.wild.org:80", "/1/2/3", "wild"},
		{"12.net", "/a/b", "rx"},
		{"", "/x/y", "rest"},
		{"nobody", "/1/2/3", ""},
	}
	params := make(message.Params, 0, 4)
	for _, test := range tests {
		req := get("GET", test.host)
		got := ""
		allocs := testing.AllocsPerRun(100, func() {
			r, _ := tab.Lookup(req, test.path, params)
			got = idOf(r)
		})
		if allocs != 0 && !poolsForget || got != test.want {
			t.Errorf("%q %q: %v allocations, route %q; want 0 and %q", test.host, test.path, allocs, got, test.want)
		}
	}
}

// allocated returns the bytes that do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestUpdateCost bounds what one change among many costs by the bytes it
// allocates: it must not grow with the table.
func TestUpdateCost(t *testing.T) {
	tables := map[string][]*Route{"hosts": hostRoutes(20_000), "paths": pathRoutes(20_000), "nothing to tell them apart": equalRoutes(20_000)}
	for name, routes := range tables {
		tab := build(t, Options{}, routes...) // a copy of 8 bytes a route would be 160 KB
		changed := *routes[len(routes)/2]
		for change, do := range map[string]func(){
			"replace": func() { tab.Update([]*Route{&changed}, nil) },
			"add":     func() { tab.Update([]*Route{route("new", changed.Predicates...)}, nil) },
			"remove":  func() { tab.Update(nil, []string{changed.ID}) },
		} {
			if got := allocated(do); got > 64<<10 {
				t.Errorf("%s, %s: %d bytes, want at most 64 KB", name, change, got)
			}
		}
	}
}

func equalRoutes(n int) []*Route {
	routes := make([]*Route, n)
	for i := range routes {
		routes[i] = route(fmt.Sprint(i), method("GET"))
	}
	return routes
}

// TestLoadCost bounds the memory of a table: 100,000 routes must fit beside
// everything else, and loading them must not copy what it just made.
func TestLoadCost(t *testing.T) {
	tables := map[string][]*Route{"hosts": hostRoutes(20_000), "paths": pathRoutes(20_000)}
	for name, routes := range tables {
		var tab *Table
		before := heap()
		total := allocated(func() { tab = build(t, Options{}, routes...) })
		kept := heap() - before
		runtime.KeepAlive(tab)
		n := uint64(len(routes))
		if kept/n > 500 || total/n > 700 {
			t.Errorf("%s: %d bytes a route are kept and %d allocated, want at most 500 and 700", name, kept/n, total/n)
		}
	}
}

// TestBacktrackingIsBounded asks each route at most once, however many ways
// there are through the tree, and none twice.
func TestBacktrackingIsBounded(t *testing.T) {
	const depth = 10
	asked := 0
	tab, long := adversary(t, depth, &asked)
	if r, _ := tab.Lookup(get("", ""), long, nil); r != nil {
		t.Fatalf("%q wins", r.ID)
	}
	if asked != 1<<depth {
		t.Errorf("%d routes were asked, want %d", asked, 1<<depth)
	}
}

// TestDeepPattern goes as deep as a pattern can.
func TestDeepPattern(t *testing.T) {
	deep := strings.Repeat("/:", maxPattern/2-1)
	tab := build(t, Options{}, route("deep", path(deep)), route("mixed", path(strings.Repeat("/:/a", maxPattern/4-1))))
	target := strings.Repeat("/a", maxPattern/2-1)
	if r, _ := tab.Lookup(get("", ""), target, nil); idOf(r) != "deep" {
		t.Errorf("%q wins, want deep", idOf(r))
	}
	if r, _ := tab.Lookup(get("", ""), target+"/a", nil); r != nil {
		t.Errorf("%q wins, want none", r.ID)
	}
}

// TestConcurrency reads tables while new ones are made from them.
func TestConcurrency(t *testing.T) {
	routes := hostRoutes(500)
	tab := build(t, Options{}, routes...)
	var readers sync.WaitGroup
	for round := range 50 {
		old := tab
		changed := *routes[round]
		changed.Predicates = preds{path("/elsewhere")}
		tab, _ = old.Update([]*Route{&changed}, []string{routes[len(routes)-1-round].ID})
		for range 2 {
			readers.Go(func() {
				for i := range routes {
					want := routes[i].ID
					if i < round || i >= len(routes)-round {
						want = ""
					}
					r, _ := old.Lookup(get("GET", hostName(i)), "/", nil)
					if idOf(r) != want {
						t.Errorf("round %d: route %q for host %d, want %q", round, idOf(r), i, want)
					}
				}
				n := 0
				for range old.All() {
					n++
				}
				if n != old.Len() {
					t.Errorf("%d routes, Len %d", n, old.Len())
				}
			})
		}
	}
	readers.Wait()
}
