package predicatetest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/table"
	"fairlead.dev/fairlead/table/tabletest"
)

// TestDifferential compares the indexed table with the one that tries every
// route: thousands of requests over hundreds of routes with all predicates, after
// each of several updates, in virtual time that goes on between the requests.
func TestDifferential(t *testing.T) {
	const routes, updates, requests = 250, 4, 500
	used := map[string]*tally{}
	for _, name := range predicate.Names() {
		used[name] = &tally{}
	}
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			d := differential{
				dice: dice{rand.New(rand.NewPCG(seed, 4))}, env: &predicate.Env{}, used: used,
				plain: tabletest.Table{IgnoreTrailingSlash: seed%2 == 1, Routes: map[string][]predicate.Predicate{}},
				names: map[string][]string{},
			}
			d.table = table.New(table.Options{IgnoreTrailingSlash: d.plain.IgnoreTrailingSlash})
			for round := range updates {
				d.update(t, routes, round)
				for range requests {
					d.compare(t)
					time.Sleep(time.Duration(d.IntN(90)) * time.Second)
				}
			}
		})
	}
	for name, n := range used {
		if n.asked == 0 || n.won == 0 && name != "False" || n.lost == 0 && !slices.Contains([]string{"Path", "PathSubtree", "True", "Weight"}, name) {
			t.Errorf("%s is not in play: in %d routes, %d winners have it, %d routes lost by it", name, n.asked, n.won, n.lost)
		}
	}
}

// tally counts what came of routes with a predicate.
type tally struct{ asked, won, lost int }

// differential is the same routes twice.
type differential struct {
	dice
	env   *predicate.Env
	table *table.Table
	plain tabletest.Table
	names map[string][]string // of the predicates of each route
	used  map[string]*tally
}

// update replaces some routes.
func (d *differential) update(t *testing.T, routes, round int) {
	t.Helper()
	var put []*table.Route
	var remove []string
	for i := range routes {
		id := fmt.Sprintf("r%03d", i)
		switch {
		case round > 0 && d.IntN(3) > 0:
		case round > 0 && d.IntN(4) == 0:
			remove = append(remove, id)
			delete(d.plain.Routes, id)
		default:
			r := &table.Route{ID: id, Predicates: d.route(t, id)}
			put, d.plain.Routes[id] = append(put, r), r.Predicates
		}
	}
	next, problems := d.table.Update(put, remove)
	for _, p := range problems {
		t.Fatalf("route %s: %v", p.ID, p.Err)
	}
	d.table = next
}

// route makes the predicates of a route.
func (d *differential) route(t *testing.T, id string) []predicate.Predicate {
	t.Helper()
	texts := d.predicates()
	calls, err := eskip.ParsePredicates(strings.Join(texts, " && "))
	if err != nil {
		t.Fatalf("%q: %v", texts, err)
	}
	d.names[id] = nil
	var made []predicate.Predicate
	for _, call := range calls {
		def := predicate.Lookup(call.Name)
		if def == nil {
			t.Fatalf("unknown predicate %q", call.Name)
		}
		v, err := arg.Check(def.Params, call.Args)
		if err != nil {
			t.Fatalf("%s: %v", call, err)
		}
		p, err := def.New(v, d.env)
		if err != nil {
			t.Fatalf("%s: %v", call, err)
		}
		made = append(made, p)
		d.names[id] = append(d.names[id], call.Name)
		d.used[call.Name].asked++
	}
	return made
}

func (d *differential) compare(t *testing.T) {
	t.Helper()
	req := d.request(t)
	path := message.CleanPath(req.Path)
	want, wantParams, found := d.plain.Lookup(req, path)
	got, params := d.table.Lookup(req, path, nil)
	if found != (got != nil) || found && got.ID != want {
		t.Fatalf("at %s: %s %s%s: the table has %v, want %q %v of %v", time.Now(), req.Method, req.Host, req.RawPath, got, want, found, d.names[want])
	}
	if diff := cmp.Diff(wantParams, params); diff != "" {
		t.Fatalf("%s of %v: params (-want +got)\n%s", path, d.names[want], diff)
	}
	for _, name := range d.names[want] { // none if no route was found
		d.used[name].won++
	}
	if d.IntN(10) == 0 {
		d.losers(req)
	}
}

// losers notes which predicates decided against the routes.
func (d *differential) losers(req *message.Request) {
	for id, preds := range d.plain.Routes {
		for i, p := range preds {
			if _, tree := p.(predicate.Tree); !tree && !p.Match(req) {
				d.used[d.names[id][i]].lost++
				break
			}
		}
	}
}

// dice throw routes and requests that have much in common.
type dice struct{ *rand.Rand }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

func (d dice) predicates() []string {
	var all []string
	switch d.IntN(5) {
	case 0:
	case 1:
		all = append(all, fmt.Sprintf("PathSubtree(%q)", pick(d, "/", "/a", "/a/b", "/b", "/:x/b", "/a/*rest")))
	default:
		all = append(all, fmt.Sprintf("Path(%q)", pick(d, "/", "/a", "/a/", "/a/b", "/:x", "/a/:y", "/:x/:y/c", "/a/**", "/b/*rest", "/a/b/c")))
	}
	method := false
	for range d.IntN(4) {
		p := d.predicate()
		if strings.HasPrefix(p, "Method(") {
			if method {
				continue
			}
			method = true
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		all = append(all, "True()")
	}
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// predicate returns one of those that are no place in the tree, each with the same
// chance.
func (d dice) predicate() string {
	at := time.Now().Unix() + int64(d.IntN(20_000)) - 5_000
	kinds := []func() string{
		func() string { return fmt.Sprintf("After(%d)", at) },
		func() string { return fmt.Sprintf("Before(%d)", at) },
		func() string { return fmt.Sprintf("Between(%d, %d)", at, at+int64(d.IntN(30_000))+1) },
		func() string {
			return fmt.Sprintf("Cron(%q)", pick(d, "*/2 * * * *", "0-29 * * * *", "* 0-5,12-23 * * *", "* * 1 1 *", "* * * * 6,0"))
		},
		func() string { return fmt.Sprintf("ClientIP(%q)", d.network()) },
		func() string { return fmt.Sprintf("Source(%q, %q)", d.network(), d.network()) },
		func() string { return fmt.Sprintf("SourceFromLast(%q)", d.network()) },
		func() string { return fmt.Sprintf("ContentLengthBetween(%d, %d)", d.IntN(10), 10+d.IntN(100)) },
		func() string { return fmt.Sprintf("Cookie(%q, %q)", pick(d, "c", "d"), pick(d, "^a", "b$", ".")) },
		func() string { return fmt.Sprintf("ForwardedHost(%q)", pick(d, "^a[.]org$", "org$")) },
		func() string { return fmt.Sprintf("ForwardedProtocol(%q)", pick(d, "http", "https")) },
		func() string { return fmt.Sprintf("Header(%q, %q)", pick(d, "X-A", "x-b"), pick(d, "1", "2")) },
		func() string {
			return fmt.Sprintf("HeaderRegexp(%q, %q)", pick(d, "X-A", "x-a", "X-B"), pick(d, "^1", "2", "."))
		},
		func() string {
			return fmt.Sprintf("HeaderSHA256(%q, %q)", pick(d, "X-A", "X-B"), digest(pick(d, "1", "2")))
		},
		func() string { return fmt.Sprintf("Host(%q)", d.hostExpr()) },
		func() string { return fmt.Sprintf("HostAny(%q, %q)", d.host(), d.host()) },
		func() string { return fmt.Sprintf("JWTPayloadAnyKV(%q, %q)", pick(d, "iss", "sub"), pick(d, "a", "b")) },
		func() string {
			return fmt.Sprintf(`JWTPayloadAllKV("iss", %q, "sub", %q)`, pick(d, "a", "b"), pick(d, "a", "b"))
		},
		func() string {
			return fmt.Sprintf("JWTPayloadAnyKVRegexp(%q, %q)", pick(d, "iss", "sub"), pick(d, "^a", "b"))
		},
		func() string { return fmt.Sprintf(`JWTPayloadAllKVRegexp("iss", %q, "sub", ".")`, pick(d, "a", "b")) },
		func() string { return fmt.Sprintf("Method(%q)", pick(d, "GET", "POST")) },
		func() string { return fmt.Sprintf("Methods(%q, %q)", pick(d, "GET", "put"), pick(d, "POST", "HEAD")) },
		func() string { return fmt.Sprintf("OTelBaggage(%q)", pick(d, "k", "l")) },
		func() string { return fmt.Sprintf("OTelBaggage(%q, %q)", pick(d, "k", "l"), pick(d, "1", "2")) },
		func() string { return fmt.Sprintf("PathRegexp(%q)", pick(d, "^/a", "b$", "/[abc]/", "^/$")) },
		func() string { return fmt.Sprintf("QueryParam(%q)", pick(d, "q", "r")) },
		func() string { return fmt.Sprintf("QueryParam(%q, %q)", pick(d, "q", "r"), pick(d, "1", "2")) },
		func() string { return "Shutdown()" },
		func() string { return fmt.Sprintf("Tee(%q)", pick(d, "t", "u")) },
		// A chance of its own for each question would be another answer each time.
		func() string {
			return fmt.Sprintf("Traffic(%d, %q, %q)", d.IntN(2), pick(d, "c", "d"), pick(d, "ab", "x"))
		},
		func() string {
			from := d.Float64()
			return fmt.Sprintf("TrafficSegment(%g, %g)", from, min(1, from+d.Float64()))
		},
		func() string { return "True()" },
		func() string { return pick(d, "True()", "True()", "False()") },
		func() string { return fmt.Sprintf("Weight(%d)", d.IntN(9)-3) },
	}
	return kinds[d.IntN(len(kinds))]()
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (d dice) network() string {
	return pick(d, "10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "::1", "2001:db8::/32")
}

func (d dice) address() string {
	return pick(d, "10.0.0.1", "10.1.2.3", "192.0.2.1", "::1", "2001:db8::7")
}

func (d dice) host() string { return pick(d, "a.org", "b.org", "x.a.org", "a.org:80", "A.org", "") }

func (d dice) hostExpr() string {
	return pick(d, "^a[.]org$", "^(a[.]org[.]?(:[0-9]+)?)$", "^(a[.]org|b[.]org)$", "org", "^([a-z]+[.])+org$", "(?i)^a[.]org")
}

func (d dice) request(t *testing.T) *message.Request {
	t.Helper()
	raw := pick(d, "/", "/a", "/a", "/a/", "/a/b", "/a/b/", "/b", "/b/c/d", "/a/b/c", "/x/y/c", "/a/../b", "//a", "/a%2Fb", "/c")
	r := &message.Request{
		Method: pick(d, "GET", "GET", "POST", "HEAD", "PUT"), Scheme: "http", Host: d.host(), RawPath: raw, Major: 1, Minor: 1,
		Query: pick(d, "", "q=1", "r=2&q=3", "q=%32", "r", "q;r"), Remote: netip.AddrPortFrom(netip.MustParseAddr(d.address()), 1),
		ContentLength: pick(d, 0, 5, 50, message.Unknown), ShuttingDown: d.IntN(4) == 0, Tee: pick(d, "", "", "t", "u"),
	}
	if d.IntN(2) == 0 {
		r.Received = time.Now()
	}
	var ok bool
	if r.Path, ok = message.UnescapePath(raw); !ok {
		t.Fatalf("path %q", raw)
	}
	for _, f := range []func() (name, value string){
		func() (string, string) { return pick(d, "X-A", "x-a"), pick(d, "1", "2", "12") },
		func() (string, string) { return "X-B", pick(d, "1", "2") },
		func() (string, string) { return "Cookie", pick(d, "c=ab", "d=x; c=b", "c=") },
		func() (string, string) {
			return "X-Forwarded-For", d.address() + pick(d, "", ", "+d.address(), ", nonsense")
		},
		func() (string, string) {
			return "Forwarded", pick(d, "host=a.org;proto=http", "for=x, host=b.org;proto=https", "host=a.org", "proto=HTTP", "host=;")
		},
		func() (string, string) { return "Baggage", pick(d, "k=1", "l=2, k=2", "l=1;k=1", "k=%31") },
		func() (string, string) {
			claims := fmt.Sprintf(`{"iss":%q,"sub":%q}`, pick(d, "a", "b", "ab"), pick(d, "a", "b"))
			return "Authorization", "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + pick(d, ".x", ".")
		},
	} {
		for range pick(d, 0, 1, 1, 2) {
			r.Header.Add(f())
		}
	}
	return r
}
