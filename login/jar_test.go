package login

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/kit/seal"
	"fairlead.dev/fairlead/message"
)

func newJar(t testing.TB, remove int) *Jar {
	t.Helper()
	box, err := seal.New([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return &Jar{Name: "sess", Purpose: "p", Remove: remove, Secure: true, Box: func() *seal.Box { return box }}
}

// browser keeps cookies as browsers do, for one host.
type browser struct {
	t       testing.TB
	host    string
	cookies map[string]string
	// attributes of the cookies that were set last.
	attributes map[string]string
}

func newBrowser(t testing.TB, host string) *browser {
	return &browser{t: t, host: host, cookies: map[string]string{}, attributes: map[string]string{}}
}

// visit begins an exchange.
func (b *browser) visit(j *Jar) (*filtertest.Exchange, *Visit) {
	x := filtertest.Get(b.t, "/a?b=c")
	x.Request.Host = b.host
	var all []string
	for name, value := range b.cookies {
		all = append(all, name+"="+value)
	}
	if len(all) > 0 {
		x.Request.Header.Add("Cookie", strings.Join(all, "; "))
	}
	x.Restart()
	return x, j.Visit(x.Context)
}

// leave takes the cookies of the response.
func (b *browser) leave(v *Visit) {
	b.t.Helper()
	var h message.Header
	v.Tell(&h)
	for _, set := range filtertest.Fields(&h, "Set-Cookie") {
		pair, attributes, _ := strings.Cut(set, "; ")
		name, value, _ := strings.Cut(pair, "=")
		if len(set) > 4096 {
			b.t.Errorf("cookie %s has %d bytes, browsers take 4096", name, len(set))
		}
		b.attributes[name] = attributes
		if strings.Contains(attributes, "Max-Age=0;") {
			delete(b.cookies, name)
			continue
		}
		b.cookies[name] = value
	}
	if len(filtertest.Fields(&h, "Set-Cookie")) > 0 && h.Get("Cache-Control") != "no-store" {
		b.t.Error("a response with cookies may be cached")
	}
}

func TestSessionInCookies(t *testing.T) {
	for _, size := range []int{1, 100, 2600, 2800, 9000, 16000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			j, b := newJar(t, 0), newBrowser(t, "www.example.org")
			b.cookies["other"] = "1"
			plain := strings.Repeat("x", size)
			_, v := b.visit(j)
			if v.Session != nil {
				t.Fatalf("a session out of nothing: %q", v.Session)
			}
			if err := v.Keep([]byte(plain), time.Hour); err != nil {
				t.Fatal(err)
			}
			b.leave(v)
			x, v := b.visit(j)
			if string(v.Session) != plain {
				t.Fatalf("%d bytes came back as %d in %d cookies", size, len(v.Session), len(b.cookies))
			}
			if got := x.Request.Header.Get("Cookie"); got != "other=1" {
				t.Errorf("the backend gets the cookies %q", got)
			}
			for name, attributes := range b.attributes {
				if !strings.HasPrefix(name, "__Host-sess") || attributes != "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure" {
					t.Errorf("%s has the attributes %q", name, attributes)
				}
			}
			v.Forget()
			b.leave(v)
			if len(b.cookies) != 1 {
				t.Errorf("cookies stay: %v", b.cookies)
			}
		})
	}
}

func TestSessionTooLong(t *testing.T) {
	_, v := newBrowser(t, "www.example.org").visit(newJar(t, 0))
	if err := v.Keep(make([]byte, 20_000), time.Hour); err == nil || !strings.Contains(err.Error(), "fewer scopes") {
		t.Errorf("got %v", err)
	}
	if len(v.set) != 0 {
		t.Error("a part of it was set")
	}
}

// A shorter session takes the place of a longer one, and what is left of the long
// one goes.
func TestSessionShrinks(t *testing.T) {
	j, b := newJar(t, 0), newBrowser(t, "www.example.org")
	for _, size := range []int{9000, 10} {
		_, v := b.visit(j)
		if err := v.Keep(make([]byte, size), time.Hour); err != nil {
			t.Fatal(err)
		}
		b.leave(v)
	}
	if len(b.cookies) != 1 {
		t.Errorf("%d cookies", len(b.cookies))
	}
	if _, v := b.visit(j); len(v.Session) != 10 {
		t.Errorf("%d bytes", len(v.Session))
	}
}

// Cookies that somebody changed, mixed or made up are no session, and do no harm.
func TestSessionTampered(t *testing.T) {
	j := newJar(t, 0)
	good := func() *browser {
		b := newBrowser(t, "www.example.org")
		_, v := b.visit(j)
		if err := v.Keep([]byte(strings.Repeat("x", 6000)), time.Hour); err != nil {
			t.Fatal(err)
		}
		b.leave(v)
		return b
	}
	const first = "__Host-sess"
	for name, change := range map[string]func(map[string]string){
		"a byte":        func(c map[string]string) { c[first] = c[first][:100] + "A" + c[first][101:] },
		"a byte later":  func(c map[string]string) { c[first+"_1"] = c[first+"_1"][:100] + "!" + c[first+"_1"][101:] },
		"a piece less":  func(c map[string]string) { delete(c, first+"_1") },
		"pieces moved":  func(c map[string]string) { c[first+"_1"], c[first+"_2"] = c[first+"_2"], c[first+"_1"] },
		"count":         func(c map[string]string) { c[first] = "1" + c[first][1:] },
		"no count":      func(c map[string]string) { c[first] = c[first][2:] },
		"large count":   func(c map[string]string) { c[first] = "99999999999999999999" + c[first][1:] },
		"empty":         func(c map[string]string) { c[first] = "" },
		"another name":  func(c map[string]string) { c["sess"] = c[first]; delete(c, first) },
		"another's own": func(c map[string]string) { maps(c, good().cookies, first) },
	} {
		t.Run(name, func(t *testing.T) {
			b := good()
			change(b.cookies)
			x, v := b.visit(j)
			if v.Session != nil {
				t.Errorf("it is taken for a session")
			}
			if x.Request.Header.Has("Cookie") {
				t.Error("the backend gets our cookies")
			}
		})
	}
}

// maps takes one cookie of another session.
func maps(to, from map[string]string, name string) { to[name] = from[name] }

// Another site of the domain sets cookies of our names: ours still counts.
func TestSessionBesideOthers(t *testing.T) {
	j, b := newJar(t, 0), newBrowser(t, "www.example.org")
	_, v := b.visit(j)
	if err := v.Keep([]byte("x"), time.Hour); err != nil {
		t.Fatal(err)
	}
	b.leave(v)
	x := filtertest.Get(t, "/")
	x.Request.Header.Add("Cookie", "__Host-sess=1.junk; __Host-sess="+b.cookies["__Host-sess"])
	if v := j.Visit(x.Context); string(v.Session) != "x" {
		t.Errorf("got %q", v.Session)
	}
}

// A session counts for the purpose it was made for.
func TestSessionPurpose(t *testing.T) {
	j, b := newJar(t, 0), newBrowser(t, "www.example.org")
	_, v := b.visit(j)
	if err := v.Keep([]byte("x"), time.Hour); err != nil {
		t.Fatal(err)
	}
	b.leave(v)
	other := *j
	other.Purpose = "q"
	if _, v := b.visit(&other); v.Session != nil {
		t.Errorf("the session of another purpose counts")
	}
}

// A request that is routed again has no cookies any more and keeps its session.
func TestVisitAgain(t *testing.T) {
	j, b := newJar(t, 0), newBrowser(t, "www.example.org")
	_, v := b.visit(j)
	if err := v.Keep([]byte("x"), time.Hour); err != nil {
		t.Fatal(err)
	}
	b.leave(v)
	x, v := b.visit(j)
	x.Resume()
	if j.Visit(x.Context) != v {
		t.Error("another visit")
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		host         string
		remove       int
		secure       bool
		name, domain string
	}{
		{"www.example.org", 0, true, "__Host-sess", ""},
		{"www.example.org:8443", 1, true, "sess", "example.org"},
		{"WWW.Example.org.", 1, true, "sess", "example.org"},
		{"a.b.example.org", 2, true, "sess", "example.org"},
		{"a.b.example.org", 9, true, "__Host-sess", ""},
		{"example.org", 1, true, "__Host-sess", ""},
		{"localhost:9090", 1, true, "__Host-sess", ""},
		{"127.0.0.1:9090", 1, true, "__Host-sess", ""},
		{"[::1]:9090", 1, true, "__Host-sess", ""},
		{"[::1]", 1, false, "sess", ""},
		{"a;b.example.org", 1, true, "__Host-sess", ""},
		{"", 1, true, "__Host-sess", ""},
	} {
		j := newJar(t, tt.remove)
		j.Secure = tt.secure
		if name, domain := j.names(tt.host); name != tt.name || domain != tt.domain {
			t.Errorf("%q without %d: got %q for %q, want %q for %q", tt.host, tt.remove, name, domain, tt.name, tt.domain)
		}
	}
}

func TestCookieForADomain(t *testing.T) {
	j, b := newJar(t, 1), newBrowser(t, "www.example.org")
	j.Secure = false
	_, v := b.visit(j)
	if err := v.Keep([]byte("x"), time.Minute); err != nil {
		t.Fatal(err)
	}
	b.leave(v)
	if got := b.attributes["sess"]; got != "Path=/; Max-Age=60; Domain=example.org; HttpOnly; SameSite=Lax" {
		t.Errorf("got %q", got)
	}
}

func TestAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, b := newJar(t, 0), newBrowser(t, "www.example.org")
		begin := func() *Attempt {
			_, v := b.visit(j)
			a, err := v.Begin("https://www.example.org/cb", "/back")
			if err != nil {
				t.Fatal(err)
			}
			b.leave(v)
			return a
		}
		finish := func(b *browser, j *Jar, state string) (*Attempt, error) {
			_, v := b.visit(j)
			a, err := v.Finish(state)
			b.leave(v)
			return a, err
		}
		one, two := begin(), begin() // two tabs
		if one.State == two.State || one.Nonce == two.Nonce || one.Verifier == two.Verifier || one.Challenge() == two.Challenge() {
			t.Fatal("two logins share what must be random")
		}
		if _, err := finish(newBrowser(t, b.host), j, one.State); err == nil {
			t.Error("another browser completes the login")
		}
		other := *j
		other.Purpose = "q"
		if _, err := finish(b, &other, one.State); err == nil {
			t.Error("the login of another purpose is completed")
		}
		for _, state := range []string{"", "x", one.State + "x", one.Nonce} {
			if _, err := finish(b, j, state); err == nil {
				t.Errorf("the state %q completes a login", state)
			}
		}
		for _, a := range []*Attempt{one, two} {
			if got, err := finish(b, j, a.State); err != nil || *got != *a {
				t.Errorf("got %+v, %v", got, err)
			}
			if _, err := finish(b, j, a.State); err == nil {
				t.Error("a login is completed twice")
			}
		}
		late := begin()
		time.Sleep(attemptAge)
		if _, err := finish(b, j, late.State); err == nil {
			t.Error("a login is completed after its time")
		}
	})
}

// Who is made to begin logins again and again does not run out of room for cookies.
func TestAttemptsBounded(t *testing.T) {
	j, b := newJar(t, 0), newBrowser(t, "www.example.org")
	for range 50 {
		_, v := b.visit(j)
		if _, err := v.Begin("https://www.example.org/cb", "/"); err != nil {
			t.Fatal(err)
		}
		b.leave(v)
		if len(b.cookies) > mostAttempts+1 {
			t.Fatalf("%d logins under way", len(b.cookies))
		}
	}
}

func TestReturnURL(t *testing.T) {
	long := strings.Repeat("a", longestReturn)
	for _, tt := range []struct{ host, target, want string }{
		{"www.example.org:8443", "/a%20b?c=d", "https://www.example.org:8443/a%20b?c=d"},
		{"www.example.org", "/", "https://www.example.org/"},
		{"www.example.org", "//evil.example/x", "https://www.example.org/evil.example/x"},
		{"www.example.org", "/a?" + long, "https://www.example.org/a"},
		{"www.example.org", "/" + long, "https://www.example.org/"},
		{"evil.example/x#", "/a", "/"},
		{"", "/a", "/"},
	} {
		x := filtertest.Get(t, tt.target)
		x.Request.Host = tt.host
		x.Restart()
		if got := ReturnURL(x.Context, "https"); got != tt.want {
			t.Errorf("%q of %q: got %.80q, want %q", tt.target, tt.host, got, tt.want)
		}
	}
}

func TestSafeReturn(t *testing.T) {
	for _, tt := range []struct {
		remove     int
		host, back string
		ok         bool
	}{
		{0, "www.example.org", "https://www.example.org/a?b", true},
		{0, "www.example.org:1", "https://WWW.example.org:2/a", true},
		{0, "[::1]:1", "https://[::1]:2/a", true},
		{0, "www.example.org", "https://shop.example.org/", false},
		{1, "www.example.org", "https://shop.example.org/", true},
		{1, "www.example.org", "https://notexample.org/", false},
		{1, "www.example.org", "https://example.org.evil.example/", false},
		{1, "www.example.org", "https://www.example.org@evil.example/", false},
		{1, "www.example.org", "https://u:p@www.example.org/", false},
		{1, "www.example.org", "javascript:alert(1)", false},
		{1, "www.example.org", "//evil.example/", false},
		{1, "www.example.org", "/a", false},
		{1, "www.example.org", "", false},
	} {
		_, v := newBrowser(t, tt.host).visit(newJar(t, tt.remove))
		want := "/"
		if tt.ok {
			want = tt.back
		}
		if got := v.SafeReturn(tt.back, tt.host); got != want {
			t.Errorf("%q at %q: got %q, want %q", tt.back, tt.host, got, want)
		}
	}
}

func TestReaches(t *testing.T) {
	for _, tt := range []struct {
		remove     int
		host, then string
		want       bool
	}{
		{0, "www.example.org", "www.example.org:8443", true},
		{0, "www.example.org", "auth.example.org", false},
		{1, "www.example.org", "auth.example.org", true},
		{1, "www.example.org", "example.org", true},
		{1, "www.example.org", "badexample.org", false},
		{1, "example.org", "www.example.org", false},
	} {
		x, v := newBrowser(t, tt.host).visit(newJar(t, tt.remove))
		if got := v.Reaches(x.Context, tt.then); got != tt.want {
			t.Errorf("from %q to %q without %d: %v", tt.host, tt.then, tt.remove, got)
		}
	}
}

func TestParseBox(t *testing.T) {
	if _, err := ParseBox([]byte("short")); err == nil || strings.Contains(err.Error(), "short\"") {
		t.Errorf("got %v", err)
	}
	one, err := ParseBox([]byte(strings.Repeat("a", 32) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := ParseBox([]byte(strings.Repeat("b", 32) + "," + strings.Repeat("a", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := two.Open("p", one.Seal("p", []byte("x"))); err != nil || string(plain) != "x" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := OwnBox().Open("p", OwnBox().Seal("p", nil)); err == nil {
		t.Error("two secrets that are made up are equal")
	}
}

// FuzzVisit: whatever cookies a client sends, nothing panics, no session comes out
// of it, and none that looks like ours gets to the backend.
func FuzzVisit(f *testing.F) {
	j := newJar(f, 0)
	f.Add("__Host-sess=1.AAAA; sess_1=x; a=b")
	f.Add("__Host-sess-login-AAAA=x; __Host-sess=9.")
	f.Add("; =;;__Host-sess")
	f.Fuzz(func(t *testing.T, cookies string) {
		x := filtertest.New(t)
		x.Request.Header.Add("Cookie", cookies)
		v := j.Visit(x.Context)
		if v.Session != nil {
			t.Errorf("%q is a session", cookies)
		}
		if _, err := v.Finish("x"); err == nil {
			t.Errorf("%q completes a login", cookies)
		}
		for name := range message.AllCookies(&x.Request.Header) {
			if j.owns(name) {
				t.Errorf("%q: the backend gets %q", cookies, name)
			}
		}
	})
}

func BenchmarkVisit(b *testing.B) {
	j := newJar(b, 0)
	br := newBrowser(b, "www.example.org")
	_, v := br.visit(j)
	if err := v.Keep(make([]byte, 2000), time.Hour); err != nil {
		b.Fatal(err)
	}
	br.leave(v)
	x := filtertest.New(b)
	cookie := "a=b; __Host-sess=" + br.cookies["__Host-sess"]
	b.ReportAllocs()
	for b.Loop() {
		x.Request.Header.Set("Cookie", cookie)
		x.Restart()
		if v := j.Visit(x.Context); len(v.Session) != 2000 {
			b.Fatal("no session")
		}
	}
}
