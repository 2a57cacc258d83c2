package oidc_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/filter/oidc"
	"fairlead.dev/fairlead/message"
)

func TestLogin(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, build(t, env(t), p, "oauthOidcAllClaims", "email sub", "prompt=login lang=skipper-request-query", "", "0"))
	x := b.get("/page?a=b&lang=fr")
	b.want(x, 302)
	to, err := url.Parse(x.Response.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if q := to.Query(); q.Get("prompt") != "login" || q.Get("lang") != "fr" || q.Get("scope") != "openid email offline_access" {
		t.Errorf("the provider is asked for %v", q)
	}
	for _, set := range filtertest.Fields(&x.Response.Header, "Set-Cookie") {
		if !strings.HasPrefix(set, "__Host-fairlead-oidc-") || !strings.Contains(set, "-login-") || !strings.HasSuffix(set, "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure") {
			t.Errorf("cookie %q", set)
		}
	}
	x = b.get(p.login(to.String()))
	b.want(x, 302)
	if got := x.Response.Header.Get("Location"); got != "https://www.example.org/page?a=b&lang=fr" {
		t.Errorf("the browser comes back to %q", got)
	}
	if x.Response.Header.Get("Cache-Control") != "no-store" || x.Response.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the answer with the session has %v", x.Response.Header.Fields())
	}
	if len(b.cookies) != 1 {
		t.Errorf("cookies: %v", b.cookies)
	}
	x = b.get("/page")
	b.want(x, 200)
	var info struct {
		OAuth2Token map[string]string
		OIDCToken   string
		Subject     string
		Claims      map[string]any
	}
	if err := json.Unmarshal([]byte(x.Request.Header.Get("Skipper-Oidc-Info")), &info); err != nil {
		t.Fatal(err)
	}
	if info.Subject != "joe" || info.Claims["email"] != "joe@example.org" || !strings.HasPrefix(info.OAuth2Token["access_token"], "access") || info.OIDCToken == "" {
		t.Errorf("the backend is told %+v", info)
	}
	if strings.Contains(x.Request.Header.Get("Skipper-Oidc-Info"), "refresh") {
		t.Error("the backend is told the refresh token")
	}
	if user, _ := filter.State(x.Context, "auth-user"); user != "joe" {
		t.Errorf("the user is %q", user)
	}
	if p.exchanges != 1 {
		t.Errorf("%d codes were exchanged", p.exchanges)
	}
}

// What only the filter may say is taken off, also when it says nothing.
func TestForgedFields(t *testing.T) {
	p := newProvider(t)
	e := env(t)
	forged := []string{"X-Mail", "root", "x_mail", "root", "Skipper-Oidc-Info", "{}", "X-Groups", "admins", "X-Other", "stays"}
	b := newBrowser(t, build(t, e, p, "oauthOidcAnyClaims", "", "", "X-Mail:claims.email X-Groups:claims.groups X-Sub:subject", "0"))
	b.fields = forged
	x := b.get("/")
	for _, name := range []string{"X-Mail", "x_mail", "Skipper-Oidc-Info", "X-Groups"} {
		if x.Request.Header.Has(name) {
			t.Errorf("%s is not taken off", name)
		}
	}
	b.get(p.login(x.Response.Header.Get("Location")))
	x = b.get("/")
	b.want(x, 200)
	h := &x.Request.Header
	if h.Get("X-Mail") != "joe@example.org" || h.Get("X-Sub") != "joe" || h.Has("X-Groups") || h.Has("x_mail") || h.Has("Skipper-Oidc-Info") || h.Get("X-Other") != "stays" {
		t.Errorf("the backend gets %v", h.Fields())
	}
}

func TestClaims(t *testing.T) {
	for _, tt := range []struct {
		filter, claims string
		want           int
	}{
		{"oauthOidcAnyClaims", "", 200},
		{"oauthOidcAnyClaims", "nothing email", 200},
		{"oauthOidcAnyClaims", "nothing", 403},
		{"oauthOidcAnyClaims", "address.street", 403}, // a name, not a path
		{"oauthOidcAnyClaims", "https://example.org/role", 200},
		{"oauthOidcAllClaims", "", 200},
		{"oauthOidcAllClaims", "email sub", 200},
		{"oauthOidcAllClaims", "email nothing", 403},
		{"oauthOidcUserInfo", "name email", 200},
		{"oauthOidcUserInfo", "name nothing", 403},
		{"oauthOidcAllClaims", "name", 403}, // the ID token does not say it
	} {
		t.Run(tt.filter+" "+tt.claims, func(t *testing.T) {
			p := newProvider(t)
			p.claims = map[string]any{"address": map[string]any{"street": "x"}, "https://example.org/role": "y"}
			b := newBrowser(t, build(t, env(t), p, tt.filter, tt.claims, "", "", "0"))
			b.want(b.logIn(p, "/"), 302)
			x := b.get("/")
			b.want(x, tt.want)
			if tt.want == 403 && x.Refused() != message.ReasonForbidden {
				t.Errorf("refused with %v", x.Refused())
			}
			if tt.filter == "oauthOidcUserInfo" && tt.want == 200 {
				if info := x.Request.Header.Get("Skipper-Oidc-Info"); !strings.Contains(info, `"userInfo":{`) || !strings.Contains(info, `J\u00f6e`) {
					t.Errorf("the backend is told %s", info)
				}
			}
		})
	}
}

// Scripts and forms get an answer they understand.
func TestNoRedirectForScripts(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", "", "", "", "0"))
	b.fields = []string{"Accept", "application/json"}
	x := b.get("/")
	b.want(x, 401)
	if x.Refused() != message.ReasonUnauthorized || len(b.cookies) != 0 {
		t.Errorf("refused with %v, cookies %v", x.Refused(), b.cookies)
	}
}

// Logins that somebody spoiled, or that are not this browser's, end with 401, and
// there is no session.
func TestLoginRefused(t *testing.T) {
	type walk struct {
		p *provider
		b *browser
	}
	for name, callback := range map[string]func(w walk, target string) string{
		"wrong state":    func(_ walk, target string) string { return strings.Replace(target, "state=", "state=x", 1) },
		"no state":       func(_ walk, target string) string { return strings.Replace(target, "state=", "stat=", 1) },
		"no code":        func(_ walk, target string) string { return strings.Replace(target, "code=", "cod=", 1) },
		"made-up code":   func(_ walk, target string) string { return strings.Replace(target, "code=", "code=x", 1) },
		"no issuer":      func(_ walk, target string) string { return strings.Replace(target, "iss=", "is=", 1) },
		"another issuer": func(_ walk, target string) string { return strings.Replace(target, "iss=", "iss=x", 1) },
		"denied": func(_ walk, target string) string {
			return strings.Replace(target, "code=", "error=access_denied&cod=", 1)
		},
		"another browser": func(w walk, target string) string { clear(w.b.cookies); return target },
		"the state of another login": func(w walk, target string) string {
			other := newBrowser(w.b.t, w.b.filters...)
			x := other.get("/")
			u, _ := url.Parse(w.p.login(x.Response.Header.Get("Location")))
			mine, _ := url.Parse(target)
			q := mine.Query()
			q.Set("state", u.Query().Get("state"))
			return "/auth/callback?" + q.Encode()
		},
		"the code of another login": func(w walk, target string) string { // code injection: PKCE and nonce
			other := newBrowser(w.b.t, w.b.filters...)
			x := other.get("/")
			u, _ := url.Parse(w.p.login(x.Response.Header.Get("Location")))
			mine, _ := url.Parse(target)
			q := mine.Query()
			q.Set("code", u.Query().Get("code"))
			return "/auth/callback?" + q.Encode()
		},
		"another nonce":    func(w walk, target string) string { w.p.claims = map[string]any{"nonce": "x"}; return target },
		"no nonce":         func(w walk, target string) string { w.p.claims = map[string]any{"nonce": nil}; return target },
		"another audience": func(w walk, target string) string { w.p.claims = map[string]any{"aud": "other"}; return target },
		"several audiences": func(w walk, target string) string {
			w.p.claims = map[string]any{"aud": []string{clientID, "other"}}
			return target
		},
		"issued to another": func(w walk, target string) string {
			w.p.claims = map[string]any{"aud": []string{clientID, "other"}, "azp": "other"}
			return target
		},
		"ID token of another issuer": func(w walk, target string) string {
			w.p.claims = map[string]any{"iss": "https://evil.example"}
			return target
		},
		"expired": func(w walk, target string) string {
			w.p.claims = map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}
			return target
		},
		"from the future": func(w walk, target string) string {
			w.p.claims = map[string]any{"iat": time.Now().Add(time.Hour).Unix()}
			return target
		},
		"no ID token": func(w walk, target string) string { w.p.noIDToken = true; return target },
		"no subject":  func(w walk, target string) string { w.p.claims = map[string]any{"sub": nil}; return target },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			b := newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", "", "", "", "0"))
			x := b.get("/")
			target := callback(walk{p, b}, p.login(x.Response.Header.Get("Location")))
			x = b.get(target)
			b.want(x, 401)
			if x.Refused() != message.ReasonUnauthorized {
				t.Errorf("refused with %v", x.Refused())
			}
			if body := x.ResponseBody(); !strings.Contains(body, "Open the page again") {
				t.Errorf("the user reads %q", body)
			}
			b.want(b.get("/"), 302)
		})
	}
}

// The answer of a provider counts once, and so does its code, whoever kept the
// cookie of the login.
func TestReplay(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", "", "", "", "0"))
	x := b.get("/")
	kept := newBrowser(t, b.filters...)
	for k, v := range b.cookies {
		kept.cookies[k] = v
	}
	target := p.login(x.Response.Header.Get("Location"))
	b.want(b.get(target), 302)
	session := len(b.cookies)
	b.want(b.get(target), 401)
	if len(b.cookies) != session {
		t.Error("the session is gone")
	}
	b.want(b.get("/"), 200)
	kept.want(kept.get(target), 401)
	if p.exchanges != 2 {
		t.Errorf("%d exchanges", p.exchanges)
	}
}

func TestTwoTabs(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", "", "", "", "0"))
	one, two := b.get("/one"), b.get("/two")
	x := b.get(p.login(two.Response.Header.Get("Location")))
	if got := x.Response.Header.Get("Location"); !strings.HasSuffix(got, "/two") {
		t.Errorf("the second tab comes to %q", got)
	}
	x = b.get(p.login(one.Response.Header.Get("Location")))
	if got := x.Response.Header.Get("Location"); !strings.HasSuffix(got, "/one") {
		t.Errorf("the first tab comes to %q", got)
	}
	b.want(b.get("/"), 200)
}

// A provider that does not answer lets nobody in, and does not touch those who are.
func TestProviderDown(t *testing.T) {
	p := newProvider(t)
	e := env(t)
	f := build(t, e, p, "oauthOidcAnyClaims", "", "", "", "0")
	in := newBrowser(t, f)
	in.want(in.logIn(p, "/"), 302)
	b := newBrowser(t, f)
	x := b.get("/")
	target := p.login(x.Response.Header.Get("Location"))
	p.set(func() { p.down = true })
	x = b.get(target)
	b.want(x, 503)
	if x.Refused() != message.ReasonAuthUnavailable || x.Response.Header.Get("Retry-After") == "" {
		t.Errorf("refused with %v", x.Refused())
	}
	in.want(in.get("/"), 200)
	p.set(func() { p.down = false })
	b.want(b.logIn(p, "/"), 302)
	b.want(b.get("/"), 200)
}

// Without the metadata there is no login, and with wrong credentials neither.
func TestProviderUseless(t *testing.T) {
	p := newProvider(t)
	p.down = true
	b := newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", ""))
	b.want(b.get("/"), 503)
	p = newProvider(t)
	b = newBrowser(t, filtertest.BuildEnv(t, env(t), "oauthOidcAnyClaims", p.url, clientID, "wrong", callback, "", "", "", "", "0"))
	b.want(b.logIn(p, "/"), 503)
	p = newProvider(t)
	p.noKeys = true
	b = newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", "", "", "", "0"))
	b.want(b.logIn(p, "/"), 503)
	p = newProvider(t)
	p.noUserInfo = true
	b = newBrowser(t, build(t, env(t), p, "oauthOidcUserInfo", "", "", "", "0"))
	b.want(b.logIn(p, "/"), 503)
}

func TestRotatedKeys(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", "", "", "", "0"))
	b.want(b.logIn(p, "/"), 302)
	other := newProvider(t)
	other.url = p.url // somebody who signs as if it were p
	clear(b.cookies)
	x := b.get("/")
	target := p.login(x.Response.Header.Get("Location"))
	signer := p.signer
	p.set(func() { p.signer = other.signer })
	p.noKeys = true
	if x := b.get(target); x.Response.Status == 302 {
		t.Error("a key that the provider does not show counts")
	}
	p.set(func() { p.signer, p.noKeys = signer, false })
}

// The groups that Microsoft's ID tokens leave out are asked for, at the only
// service that may see the token.
func TestGroups(t *testing.T) {
	p := newProvider(t)
	p.claims = map[string]any{
		"oid": "0815", "_claim_names": map[string]string{"groups": "src1", "other": "src2"},
		"_claim_sources": map[string]any{
			"src1": map[string]string{"endpoint": "https://graph.windows.net/x/users/0815/getMemberObjects"},
			"src2": map[string]string{"endpoint": "https://evil.example/"},
		},
	}
	e := env(t)
	f := build(t, e, p, "oauthOidcAllClaims", "groups email", "", "X-Groups:claims.groups X-Mail:claims.email X-Other:claims.other", "0")
	b := newBrowser(t, f, filtertest.BuildEnv(t, e, "oidcClaimsQuery", `/:groups.#[=="users"]`))
	oidc.SetGraph(f, p.url)
	b.want(b.logIn(p, "/"), 302)
	x := b.get("/")
	b.want(x, 200)
	if got := x.Request.Header.Get("X-Groups"); got != `["admins","users"]` || x.Request.Header.Has("X-Other") || x.Request.Header.Get("X-Mail") != "joe@example.org" {
		t.Errorf("the groups are %s", got)
	}
}

// Secrets are rotated under way: the new one seals, the old one opens as long as it
// is there.
func TestSecretsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, next := strings.Repeat("o", 32), strings.Repeat("n", 32)
	p := newProvider(t)
	instance := func() *browser { // another process with the same file
		return newBrowser(t, build(t, env(t, "-oidc-secrets-file="+file), p, "oauthOidcAnyClaims", "", "", "", "0"))
	}
	write(old)
	b := instance()
	b.want(b.logIn(p, "/"), 302)
	for _, tt := range []struct {
		secrets string
		want    int
	}{{old, 200}, {next + "\n" + old, 200}, {next, 302}} {
		write(tt.secrets)
		other := instance()
		other.cookies = map[string]string{}
		for k, v := range b.cookies {
			other.cookies[k] = v
		}
		other.want(other.get("/"), tt.want)
	}
	write("short")
	if _, err := filtertest.BuildCall(env(t, "-oidc-secrets-file="+file), call(p.url)); err == nil || !strings.Contains(err.Error(), "oidc-secrets-file") || !strings.Contains(err.Error(), "at least 16") {
		t.Errorf("got %v", err)
	}
	if _, err := filtertest.BuildCall(env(t, "-oidc-secrets-file="+file+".gone"), call(p.url)); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}

func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"id": clientID, "secret": clientSecret} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := newProvider(t)
	for name, tt := range map[string]struct {
		flags      []string
		id, secret string
	}{
		"files":   {[]string{"-credentials-paths=" + dir}, "secretRef:" + dir + "/id", "secretRef:" + dir + "/secret"},
		"options": {[]string{"-oidc-client-id=" + clientID, "-oidc-client-secret=" + clientSecret}, "", ""},
	} {
		b := newBrowser(t, filtertest.BuildEnv(t, env(t, tt.flags...), "oauthOidcAnyClaims", p.url, tt.id, tt.secret, callback, "", "", "", "", "0"))
		if x := b.logIn(p, "/"); x.Response.Status != 302 {
			t.Errorf("%s: status %d", name, x.Response.Status)
		}
	}
}

// Where routes are only checked, no secret is missing, and nobody passes.
func TestOffline(t *testing.T) {
	p := newProvider(t)
	e := env(t)
	e.Offline = true
	for _, id := range []string{"", "secretRef:/none"} {
		b := newBrowser(t, filtertest.BuildEnv(t, e, "oauthOidcAnyClaims", p.url, id, id, callback, "", "", "", "", "0"))
		b.want(b.get("/"), 503)
	}
}

// A request of another host than the callback's must share its cookies.
func TestHosts(t *testing.T) {
	p := newProvider(t)
	for _, tt := range []struct {
		host, remove string
		want         int
	}{
		{"shop.example.org", "1", 302}, {"shop.example.org", "0", 401}, {"www.example.org:8443", "0", 302}, {"www.example.net", "1", 401},
	} {
		b := newBrowser(t, build(t, env(t), p, "oauthOidcAnyClaims", "", "", "", tt.remove))
		x := filtertest.Get(t, "/page")
		x.Request.Host = tt.host
		x.Request.Header.Add("Accept", html)
		x.Restart()
		b.want(b.do(x), tt.want)
		if tt.want != 302 {
			continue
		}
		x = b.get(p.login(x.Response.Header.Get("Location")))
		if got := x.Response.Header.Get("Location"); got != "https://"+tt.host+"/page" {
			t.Errorf("%s: the browser comes back to %q", tt.host, got)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	good := []any{"https://id.example.org", "id", "secret", callback, "email", "email"}
	for _, tt := range []struct {
		change func(a []any) []any
		want   string
	}{
		{func(a []any) []any { return a[:5] }, "claims"},
		{func(a []any) []any { a[0] = "id.example.org"; return a }, "argument 1 (provider): "},
		{func(a []any) []any { a[0] = "https://id.example.org?x"; return a }, "argument 1 (provider): "},
		{func(a []any) []any { a[1] = ""; return a }, "argument 2 (client id): found none"},
		{func(a []any) []any { a[1] = "secretRef:/x"; return a }, "argument 2 (client id): "},
		{func(a []any) []any { a[2] = "secretRef:/x"; return a }, "argument 3 (client secret): "},
		{func(a []any) []any { a[3] = "/callback"; return a }, "argument 4 (callback): "},
		{func(a []any) []any { a[3] = "https://www.example.org"; return a }, "argument 4 (callback): "},
		{func(a []any) []any { return append(a, "prompt") }, "argument 7 (authorization parameters): "},
		{func(a []any) []any { return append(a, "state=x") }, `found the parameter "state"`},
		{func(a []any) []any { return append(a, "", "X-A") }, "argument 8 (headers): "},
		{func(a []any) []any { return append(a, "", "X A:b") }, "argument 8 (headers): "},
		{func(a []any) []any { return append(a, "", "Content-Length:b") }, "argument 8 (headers): "},
		{func(a []any) []any { return append(a, "", "", "-1") }, "argument 9 (subdomains to remove): "},
		{func(a []any) []any { return append(a, "", "", "x") }, "argument 9 (subdomains to remove): "},
		{func(a []any) []any { return append(a, "", "", 1.5) }, "argument 9 (subdomains to remove): "},
		{func(a []any) []any { return append(a, "", "", "1", "a b") }, "argument 10 (cookie name): "},
		{func(a []any) []any { return append(a, "", "", "1", "__Host-x") }, "argument 10 (cookie name): "},
	} {
		args := tt.change(append([]any(nil), good...))
		err := filtertest.BuildError(t, "oauthOidcAllClaims", args...)
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), `"secret"`) {
			t.Errorf("%v: got %q, want %q", args, err, tt.want)
		}
	}
	filtertest.BuildEnv(t, env(t), "oauthOidcAllClaims", append(good, "", "", 2, "name")...)
}

func BenchmarkSession(b *testing.B) {
	p := newProvider(b)
	br := newBrowser(b, build(b, env(b), p, "oauthOidcAllClaims", "email", "", "X-Mail:claims.email", "0"))
	br.logIn(p, "/")
	x := filtertest.Get(b, "/")
	var cookie []string
	for name, value := range br.cookies {
		cookie = append(cookie, name+"="+value)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.Request.Header.Reset()
		x.Request.Header.Add("Cookie", strings.Join(cookie, "; "))
		x.Restart()
		x.Run(br.filters...)
		if x.Response.Status != 200 {
			b.Fatal(x.Response.Status)
		}
	}
}
