package hostile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// claims are names that tell a backend where a request came from, with the other
// spellings that some backend takes for the same.
func claims() (canonical, aliases []string) {
	canonical = strings.Fields(`X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix
		X-Forwarded-Uri X-Forwarded-Method X-Forwarded-Server X-Forwarded-Ssl X-Forwarded-Scheme X-Forwarded-Client-Cert
		X-Real-IP Forwarded True-Client-IP X-Client-IP X-Cluster-Client-IP X-Original-URL X-Rewrite-URL X-Original-Host
		Front-End-Https CF-Connecting-IP X-SSL-Client-Cert`)
	for _, name := range canonical {
		if !strings.Contains(name, "-") {
			continue
		}
		under := strings.ReplaceAll(name, "-", "_")
		aliases = append(aliases, under, strings.ToLower(under), strings.Replace(name, "-", "_", 1),
			strings.ReplaceAll(name, "-", "."), strings.ReplaceAll(name, "-", "~"))
	}
	return canonical, aliases
}

// TestForwardedSpoofing: a client that is no proxy cannot say where it came
// from, in no spelling, and nobody can in a spelling that only some understand.
func TestForwardedSpoofing(t *testing.T) {
	rec := startRecorder(t)
	routes := `r: * -> "http://` + rec.addr + `"`
	stranger := start(t, routes, "-trusted-proxies=192.0.2.0/24")
	friend := start(t, routes) // 127.0.0.1 is private
	canonical, aliases := claims()
	if len(canonical)+len(aliases) < 100 {
		t.Fatal("too few spellings")
	}
	ask := func(i *instance, name string) []string {
		t.Helper()
		if a := i.get("GET / HTTP/1.1\r\nHost: h\r\n" + name + ": 6.6.6.6\r\nX-Other: 1\r\n\r\n"); a.StatusCode != 200 {
			t.Errorf("%s: got %s", name, a.Status)
		}
		r := rec.only(t)
		if len(r.values("x-other")) != 1 {
			t.Errorf("%s: X-Other got lost: %q", name, r.fields)
		}
		return r.values(separators.ReplaceAllString(strings.ToLower(name), "-"))
	}
	for _, name := range canonical {
		for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := ask(stranger, spelling); len(got) != 0 {
				t.Errorf("the backend believes a stranger's %q", got)
			}
			if got := ask(friend, spelling); !slices.Equal(got, []string{spelling + ": 6.6.6.6"}) {
				t.Errorf("%s of a load balancer became %q", spelling, got)
			}
		}
	}
	for _, name := range aliases {
		for _, i := range []*instance{stranger, friend} {
			if got := ask(i, name); len(got) != 0 {
				t.Errorf("the backend may take %q for the field itself", got)
			}
		}
	}
	if n := strings.Count(stranger.log.String(), "dropped a field that only proxies may set"); n != 1 {
		t.Errorf("the log tells %d times of dropped fields, want once", n)
	}
}

// TestForwardedRewritten: what -forwarded-headers adds stands alone when the
// client is a stranger, and behind what a load balancer wrote otherwise.
func TestForwardedRewritten(t *testing.T) {
	rec := startRecorder(t)
	routes := `strange: Source("6.6.6.6") -> status(418) -> inlineContent("believed") -> <shunt>; r: * -> "http://` + rec.addr + `"`
	for _, tt := range []struct{ trusted, want string }{
		{"none", "X-Forwarded-For: 127.0.0.1"},
		{"all", "X-Forwarded-For: 7.7.7.7, 127.0.0.1"},
		{"127.0.0.0/8", "X-Forwarded-For: 7.7.7.7, 127.0.0.1"},
	} {
		i := start(t, routes, "-trusted-proxies="+tt.trusted, "-forwarded-headers=X-Forwarded-For,X-Forwarded-Proto=auto")
		i.get("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 7.7.7.7\r\nX_Forwarded_For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\n\r\n")
		r := rec.only(t)
		if got := r.values("x-forwarded-for"); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: got %q, want %q", tt.trusted, got, tt.want)
		}
		if got := r.values("x-forwarded-proto"); !slices.Equal(got, []string{"X-Forwarded-Proto: http"}) {
			t.Errorf("%s: got %q", tt.trusted, got)
		}
		a := i.get("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
		if believed := a.StatusCode == 418; believed != (tt.trusted != "none") {
			t.Errorf("%s: the predicate Source saw the claim: %v", tt.trusted, believed)
		}
		rec.take()
	}
}

// TestHopByHop: no client takes away fields that carry identity, or content, by
// naming them in Connection, in whatever case and spacing.
func TestHopByHop(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> setRequestHeader("X-User", "checked") -> "http://`+rec.addr+`"`, "-forwarded-headers=X-Forwarded-For,X-Forwarded-Host")
	protected := []string{
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Authorization", "Cookie", "Host",
		"X-User", "Content-Type", "Content-Length", "Range", "True-Client-IP", "X-Original-URL", "X-Flow-Id", "Content-Encoding",
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 400 {
		var head strings.Builder
		head.WriteString("POST / HTTP/1.1\r\n")
		for _, name := range protected {
			switch name {
			case "Host":
				head.WriteString("Host: h\r\n")
			case "Content-Length":
				head.WriteString("Content-Length: 4\r\n")
			case "X-User":
			default:
				fmt.Fprintf(&head, "%s: kept\r\n", name)
			}
		}
		head.WriteString("X-Mine: dropped\r\n")
		for range 1 + rnd.IntN(3) {
			names := slices.Clone(protected)
			rnd.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
			names = append(names[:1+rnd.IntN(len(names))], "x-mine")
			for k := range names {
				names[k] = disguise(rnd, names[k])
			}
			fmt.Fprintf(&head, "%s:%s%s\r\n", disguise(rnd, "Connection"), strings.Repeat(" ", rnd.IntN(3)), strings.Join(names, ","))
		}
		head.WriteString("\r\nbody")
		if a := i.get(head.String()); a.StatusCode != 200 {
			t.Fatalf("got %s for %q", a.Status, head.String())
		}
		r := rec.only(t)
		for _, name := range protected {
			if len(r.values(strings.ToLower(name))) != 1 {
				t.Fatalf("round %d: %s arrived as %q, sent was %q", n, name, r.values(strings.ToLower(name)), head.String())
			}
		}
		if r.body != "body" || len(r.values("x-mine")) != 0 || len(r.values("connection")) != 0 {
			t.Fatalf("round %d: got %q", n, r)
		}
	}
}

// disguise changes the case of a name and, but for the name of a field, puts
// white space around it.
func disguise(rnd *rand.Rand, name string) string {
	b := []byte(name)
	for k, c := range b {
		if rnd.IntN(2) == 0 && c|0x20 >= 'a' && c|0x20 <= 'z' {
			b[k] = c ^ 0x20
		}
	}
	if name == "Connection" {
		return string(b)
	}
	blank := []string{"", " ", "\t", "  ", " \t "}
	return blank[rnd.IntN(len(blank))] + string(b) + blank[rnd.IntN(len(blank))]
}
