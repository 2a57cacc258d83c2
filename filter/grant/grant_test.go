package grant_test

import (
	"maps"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/grant"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
)

func TestLogin(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, newSite(t, p))
	x := b.logIn("/page?a=b")
	b.want(x, 302)
	if got := x.Response.Header.Get("Location"); got != "https://www.example.org/page?a=b" {
		t.Errorf("the browser comes back to %q", got)
	}
	for _, set := range filtertest.Fields(&x.Response.Header, "Set-Cookie") {
		if !strings.HasPrefix(set, "__Host-oauth2-grant") || !strings.HasSuffix(set, "; HttpOnly; SameSite=Lax; Secure") || strings.Contains(set, "Domain") {
			t.Errorf("cookie %q", set)
		}
	}
	x = b.get("/page")
	b.want(x, 200)
	if got := x.Request.Header.Get("X-Grant"); !strings.HasPrefix(got, "Bearer access") {
		t.Errorf("the backend gets %q", got)
	}
	user, _ := filter.State(x.Context, "auth-user")
	claims, _ := issuer.Tokeninfo.Get(x.Context)
	if id := login.IdentityOf(x.Context); user != "joe" || id.Subject != "joe" || !strings.Contains(string(id.Claims), `"realm":"people"`) || claims["realm"] != "people" {
		t.Errorf("the user is %q, %+v, %v", user, id, claims)
	}
}

func TestForgedField(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, newSite(t, p))
	b.prepare = func(x *filtertest.Exchange) { x.Request.Header.Add("x_grant", "Bearer forged") }
	x := b.get("/")
	if x.Request.Header.Has("x_grant") {
		t.Error("the field is not taken off")
	}
	b.want(b.logIn("/"), 302)
	x = b.get("/")
	if x.Request.Header.Has("x_grant") || strings.Contains(x.Request.Header.Get("X-Grant"), "forged") {
		t.Errorf("the backend gets %v", x.Request.Header.Fields())
	}
}

func TestClaimsAndKeys(t *testing.T) {
	p := newProvider(t)
	s := newSite(t, p, "-oauth2-grant-tokeninfo-keys=scope,nothing", "-oauth2-tokeninfo-subject-key=uid")
	b := newBrowser(t, s)
	b.want(b.logIn("/"), 302)
	x := b.get("/")
	b.want(x, 200)
	if id := login.IdentityOf(x.Context); id.Subject != "joe" || string(id.Claims) != `{"scope":["email"]}` {
		t.Errorf("got %q for %q", id.Claims, id.Subject)
	}
	p.set(func() { delete(p.info, "uid") })
	x = b.get("/")
	b.want(x, 403)
	if x.Refused() != message.ReasonForbidden {
		t.Errorf("refused with %v", x.Refused())
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(b *browser, target string) string{
		"wrong state":     func(_ *browser, target string) string { return strings.Replace(target, "state=", "state=x", 1) },
		"no state":        func(_ *browser, target string) string { return strings.Replace(target, "state=", "x=", 1) },
		"no code":         func(_ *browser, target string) string { return strings.Replace(target, "code=", "x=", 1) },
		"made-up code":    func(_ *browser, target string) string { return strings.Replace(target, "code=", "code=x", 1) },
		"another browser": func(b *browser, target string) string { clear(b.cookies); return target },
		"denied": func(_ *browser, target string) string {
			return strings.Replace(target, "code=", "error=access_denied&x=", 1)
		},
		"the code of another login": func(b *browser, target string) string {
			other := newBrowser(b.t, b.site)
			_, theirs := b.site.p.login(other.get("/").Response.Header.Get("Location"))
			_, mine, _ := strings.Cut(target, "&state=")
			code, _, _ := strings.Cut(theirs, "&state=")
			return code + "&state=" + mine
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			b := newBrowser(t, newSite(t, p))
			_, target := p.login(b.get("/").Response.Header.Get("Location"))
			x := b.get(change(b, target))
			b.want(x, 401)
			if body := x.ResponseBody(); !strings.Contains(body, "Open the page again") {
				t.Errorf("the user reads %q", body)
			}
			b.want(b.get("/"), 302)
		})
	}
}

func TestReplay(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, newSite(t, p))
	x := b.get("/")
	kept := maps.Clone(b.cookies)
	_, target := p.login(x.Response.Header.Get("Location"))
	b.want(b.get(target), 302)
	b.want(b.get(target), 401)
	b.want(b.get("/"), 200)
	b.cookies = kept
	b.want(b.get(target), 401)
}

func TestScripts(t *testing.T) {
	b := newBrowser(t, newSite(t, newProvider(t)))
	b.accept = "application/json"
	b.want(b.get("/"), 401)
}

// A page of the route's own may stand in place of the redirect.
func TestStub(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, newSite(t, p))
	b.prepare = func(x *filtertest.Exchange) {
		filter.Annotate(x.Context, "oauthGrant.loginRedirectStub", "go {authCodeURL} or {{authCodeURL}}")
	}
	x := b.get("/")
	to := x.Response.Header.Get("X-Auth-Code-Url")
	if got := x.ResponseBody(); x.Response.Status != 200 || x.Forwarded || got != "go "+to+" or "+to || len(b.cookies) != 1 {
		t.Errorf("got %q", got)
	}
	_, target := p.login(to)
	b.want(b.get(target), 302)
}

func TestRenew(t *testing.T) {
	p := newProvider(t)
	p.lifetime = -1 // over when it begins
	s := newSite(t, p)
	b := newBrowser(t, s)
	b.want(b.logIn("/"), 302)
	p.set(func() { p.lifetime = 3600 })
	old := maps.Clone(b.cookies)
	var wg sync.WaitGroup
	for range 5 {
		tab := newBrowser(t, s)
		tab.cookies = maps.Clone(old)
		wg.Go(func() {
			if x := tab.get("/"); x.Response.Status != 200 || len(filtertest.Fields(&x.Response.Header, "Set-Cookie")) == 0 {
				t.Errorf("status %d", x.Response.Status)
			}
		})
	}
	wg.Wait()
	b.want(b.get("/"), 200)
	b.want(b.get("/"), 200)
	if p.refreshes != 1 {
		t.Errorf("%d refreshes", p.refreshes)
	}
}

func TestRenewFails(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*provider)
		want   int
	}{
		"revoked":       {func(p *provider) { clear(p.fresh) }, 302},
		"provider down": {func(p *provider) { p.down = true }, 503},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.lifetime = -1
			b := newBrowser(t, newSite(t, p))
			b.want(b.logIn("/"), 302)
			p.set(func() { tt.change(p) })
			b.want(b.get("/"), tt.want)
		})
	}
	p := newProvider(t)
	p.lifetime, p.noRefresh = -1, true
	b := newBrowser(t, newSite(t, p))
	b.want(b.logIn("/"), 302)
	b.want(b.get("/"), 302)
}

// A token that was revoked, and a service that does not answer.
func TestTokeninfo(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, newSite(t, p))
	b.want(b.logIn("/"), 302)
	p.set(func() { p.noInfo = true })
	x := b.get("/")
	b.want(x, 503)
	if x.Refused() != message.ReasonAuthUnavailable || x.Response.Header.Get("Retry-After") == "" {
		t.Errorf("refused with %v", x.Refused())
	}
	p.set(func() { p.noInfo = false; clear(p.tokens) })
	b.want(b.get("/"), 302)
	b.want(b.logIn("/"), 302)
	b.want(b.get("/"), 200)
	p.set(func() { p.down = true })
	clear(b.cookies)
	_, target := p.login(b.get("/").Response.Header.Get("Location"))
	b.want(b.get(target), 503)
}

func TestLogout(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, newSite(t, p))
	b.want(b.get("/logout"), 401)
	b.want(b.logIn("/"), 302)
	p.set(func() { p.noRevoke = true })
	b.want(b.get("/logout"), 503)
	b.want(b.get("/"), 200)
	p.set(func() { p.noRevoke = false })
	stolen := maps.Clone(b.cookies)
	b.want(b.get("/logout"), 200)
	if len(b.cookies) != 0 || strings.Join(p.revoked, " ") != "refresh_token access_token" {
		t.Errorf("cookies %v, revoked %v", b.cookies, p.revoked)
	}
	b.cookies = stolen
	b.want(b.get("/"), 302) // the tokens are of no use any more
}

// Pages of a domain share their session; each host is called back by itself, or all
// by one.
func TestHosts(t *testing.T) {
	p := newProvider(t)
	s := newSite(t, p, "-oauth2-token-cookie-remove-subdomains=1")
	b := newBrowser(t, s)
	x := b.logIn("/")
	if set := x.Response.Header.Get("Set-Cookie"); !strings.Contains(set, "; Domain=example.org;") {
		t.Errorf("got %q", set)
	}
	b.host = "shop.example.org"
	b.want(b.get("/"), 200)
	b = newBrowser(t, newSite(t, p, "-oauth2-token-cookie-remove-subdomains=1", "-oauth2-auth-url-parameters=scope=email,redirect_uri=https://auth.example.org"+callbackPath))
	x = b.logIn("/page")
	b.want(x, 302)
	if got := x.Response.Header.Get("Location"); got != "https://www.example.org/page" {
		t.Errorf("the browser comes back to %q", got)
	}
	b.want(b.get("/"), 200)
	b = newBrowser(t, newSite(t, p, "-oauth2-auth-url-parameters=scope=email,redirect_uri=https://auth.example.org"+callbackPath))
	b.want(b.get("/"), 401) // the callback would not get the cookies
}

func TestInsecure(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, newSite(t, p, "-oauth2-grant-insecure"))
	x := b.logIn("/")
	if set := x.Response.Header.Get("Set-Cookie"); strings.Contains(set, "Secure") || x.Response.Header.Get("Location") != "http://www.example.org/" {
		t.Errorf("got %v", x.Response.Header.Fields())
	}
	b.want(b.get("/"), 200)
}

// Credentials and secrets come from files, also one for each host.
func TestFiles(t *testing.T) {
	p := newProvider(t)
	p.clients = map[string]string{"client-a": "secret-a", "client-b": "secret-b"}
	dir := files(t, map[string]string{
		"a.example.org-id": "client-a\n", "a.example.org-secret": "secret-a\n",
		"b.example.org-id": "client-b\n", "b.example.org-secret": "secret-b\n", "seal": strings.Repeat("s", 32),
	})
	s := newSite(t, p, "-oauth2-client-id-file="+dir+"/{host}-id", "-oauth2-client-secret-file="+dir+"/{host}-secret", "-oauth2-secret-file="+dir+"/seal")
	for host, want := range map[string]int{"a.example.org": 302, "B.example.org:8443": 302, "c.example.org": 503, "..": 503, "a/b": 401} {
		b := newBrowser(t, s)
		b.host = host
		x := b.get("/")
		b.want(x, want)
		if want == 302 {
			b.want(b.logIn("/"), 302)
			b.want(b.get("/"), 200)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	good := map[string]string{
		"enable-oauth2-grant-flow": "true", "oauth2-auth-url": "https://id.example/auth", "oauth2-token-url": "https://id.example/token",
		"oauth2-tokeninfo-url": "https://id.example/info", "oauth2-client-id": "id", "oauth2-client-secret": "topsecret",
	}
	dir := files(t, map[string]string{"empty": "", "short": "topsecret"})
	for _, tt := range []struct{ option, value, want string }{
		{"enable-oauth2-grant-flow", "false", "-enable-oauth2-grant-flow"},
		{"oauth2-auth-url", "", "-oauth2-auth-url"},
		{"oauth2-token-url", "id.example", "-oauth2-token-url"},
		{"oauth2-revoke-token-url", "x", "-oauth2-revoke-token-url"},
		{"oauth2-tokeninfo-url", "", "-oauth2-tokeninfo-url"},
		{"oauth2-client-id", "", "-oauth2-client-id-file"},
		{"oauth2-client-secret", "", "-oauth2-client-secret-file"},
		{"oauth2-client-secret-file", dir + "/empty", "it is empty"},
		{"oauth2-client-id-file", dir + "/none", "no such file"},
		{"oauth2-secret-file", dir + "/none", "-oauth2-secret-file"},
		{"oauth2-secret-file", dir + "/short", "at least 16"},
		{"oauth2-auth-url-parameters", "state=x", `found "state"`},
		{"oauth2-auth-url-parameters", "redirect_uri=x", "redirect_uri"},
		{"oauth2-token-cookie-name", "__Host-x", "-oauth2-token-cookie-name"},
		{"oauth2-token-cookie-name", "a b", "-oauth2-token-cookie-name"},
		{"oauth2-token-cookie-remove-subdomains", "-1", "-oauth2-token-cookie-remove-subdomains"},
		{"oauth2-access-token-header-name", "Content-Length", "-oauth2-access-token-header-name"},
	} {
		all := maps.Clone(good)
		all[tt.option] = tt.value
		var flags []string
		for name, value := range all {
			flags = append(flags, "-"+name+"="+value)
		}
		for _, name := range []string{"oauthGrant", "grantCallback", "grantLogout"} {
			_, err := filtertest.BuildCall(env(t, flags...), eskip.Call{Name: name})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "topsecret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s with -%s=%s: got %v, want %q", name, tt.option, tt.value, err, tt.want)
			}
		}
	}
}

// Where routes are only checked, nothing is missing and nobody passes.
func TestOffline(t *testing.T) {
	e := env(t)
	e.Offline = true
	for _, name := range []string{"oauthGrant", "grantCallback", "grantLogout"} {
		x := filtertest.New(t)
		x.Run(filtertest.BuildEnv(t, e, name))
		if x.Forwarded || x.Refused() != message.ReasonAuthUnavailable {
			t.Errorf("%s: refused with %v", name, x.Refused())
		}
	}
}

func BenchmarkGrant(b *testing.B) {
	p := newProvider(b)
	p.info["expires_in"] = 3600
	br := newBrowser(b, newSite(b, p, "-oauth2-tokeninfo-cache-size=10"))
	br.logIn("/")
	cookie := ""
	for name, value := range br.cookies {
		cookie = name + "=" + value
	}
	x := filtertest.New(b)
	b.ReportAllocs()
	for b.Loop() {
		x.Request.Header.Reset()
		x.Request.Header.Add("Cookie", cookie)
		x.Restart()
		x.Run(br.site.grant)
		if !x.Forwarded {
			b.Fatal(x.Response.Status)
		}
	}
}
