package grant_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider is a strict OAuth 2 provider: codes and refresh tokens count once, with
// the client, the callback and the verifier they were made for. It wants its
// clients' secrets in the form.
type provider struct {
	t   testing.TB
	url string

	mu      sync.Mutex
	codes   map[string]url.Values
	fresh   map[string]bool   // refresh tokens
	tokens  map[string]bool   // access tokens
	clients map[string]string // id -> secret
	serial  int
	revoked []string
	// What follows may be changed between requests.
	down, noInfo, noRevoke, noRefresh bool
	lifetime                          int
	refreshes                         int
	info                              map[string]any
}

const callbackPath = "/.well-known/oauth2-callback"

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{
		t: t, codes: map[string]url.Values{}, fresh: map[string]bool{}, tokens: map[string]bool{}, lifetime: 3600,
		clients: map[string]string{"my-client": "my s3cret"},
		info:    map[string]any{"uid": "joe", "scope": []string{"email"}, "realm": "people"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("POST /revoke", p.revoke)
	mux.HandleFunc("GET /tokeninfo", p.tokeninfo)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.down || p.noInfo && r.URL.Path == "/tokeninfo" || p.noRevoke && r.URL.Path == "/revoke" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// set changes the provider.
func (p *provider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *provider) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Errorf("answer: %v", err)
	}
}

// login is the user who logs in: it takes the browser's redirect and returns where
// the provider sends it, host and target.
func (p *provider) login(location string) (host, target string) {
	p.t.Helper()
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, p.url+"/auth?") {
		p.t.Fatalf("the browser is sent to %q, %v", location, err)
	}
	q := u.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("response_type") != "code" || q.Get("state") == "" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "email" {
		p.t.Errorf("the login asks for %v, %v", q, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[q.Get("client_id")] == "" {
		p.t.Errorf("the client is %q", q.Get("client_id"))
	}
	p.serial++
	code := fmt.Sprintf("code%d", p.serial)
	p.codes[code] = q
	return back.Host, back.Path + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.t.Error(err)
	}
	f := r.PostForm
	if secret := p.clients[f.Get("client_id")]; secret == "" || f.Get("client_secret") != secret {
		p.answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	switch f.Get("grant_type") {
	case "authorization_code":
		asked, ok := p.codes[f.Get("code")]
		delete(p.codes, f.Get("code"))
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if !ok || asked.Get("redirect_uri") != f.Get("redirect_uri") || asked.Get("client_id") != f.Get("client_id") ||
			asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || f.Get("scope") != "email" {
			p.answer(w, 400, map[string]string{"error": "invalid_grant"})
			return
		}
	case "refresh_token":
		p.refreshes++
		if !p.fresh[f.Get("refresh_token")] {
			p.answer(w, 400, map[string]string{"error": "invalid_grant"})
			return
		}
		delete(p.fresh, f.Get("refresh_token"))
	}
	p.serial++
	access, refresh := fmt.Sprintf("access%d", p.serial), fmt.Sprintf("refresh%d", p.serial)
	p.tokens[access] = true
	out := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": p.lifetime}
	if !p.noRefresh {
		p.fresh[refresh], out["refresh_token"] = true, refresh
	}
	p.answer(w, 200, out)
}

func (p *provider) tokeninfo(w http.ResponseWriter, r *http.Request) {
	if !p.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		p.answer(w, 401, map[string]string{"error": "invalid_token"})
		return
	}
	p.answer(w, 200, p.info)
}

func (p *provider) revoke(w http.ResponseWriter, r *http.Request) {
	if id, secret, _ := r.BasicAuth(); id != "my-client" || secret != "my+s3cret" {
		p.t.Errorf("%q revokes", id)
	}
	if err := r.ParseForm(); err != nil {
		p.t.Error(err)
	}
	p.revoked = append(p.revoked, r.PostForm.Get("token_type_hint"))
	delete(p.tokens, r.PostForm.Get("token"))
	delete(p.fresh, r.PostForm.Get("token"))
	p.answer(w, 200, nil)
}

// site has the filters of routes, with the options for a provider.
type site struct {
	p                       *provider
	grant, callback, logout filter.Filter
	query                   filter.Filter
}

func newSite(t testing.TB, p *provider, flags ...string) *site {
	t.Helper()
	e := env(t, append([]string{
		"-enable-oauth2-grant-flow", "-oauth2-auth-url=" + p.url + "/auth", "-oauth2-token-url=" + p.url + "/token",
		"-oauth2-revoke-token-url=" + p.url + "/revoke", "-oauth2-tokeninfo-url=" + p.url + "/tokeninfo",
		"-oauth2-client-id=my-client", "-oauth2-client-secret=my s3cret", "-oauth2-auth-url-parameters=scope=email",
		"-oauth2-access-token-header-name=X-Grant", "-oauth2-token-cookie-remove-subdomains=0",
	}, flags...)...)
	return &site{
		p: p, grant: filtertest.BuildEnv(t, e, "oauthGrant"), callback: filtertest.BuildEnv(t, e, "grantCallback"),
		logout: filtertest.BuildEnv(t, e, "grantLogout"),
	}
}

func env(t testing.TB, flags ...string) *filter.Env {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	e := filter.NewEnv(set, nil)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// browser keeps cookies, of all hosts.
type browser struct {
	t       testing.TB
	site    *site
	cookies map[string]string
	accept  string
	host    string
	prepare func(*filtertest.Exchange)
}

func newBrowser(t testing.TB, s *site) *browser {
	return &browser{t: t, site: s, cookies: map[string]string{}, accept: "text/html,*/*;q=0.8", host: "www.example.org"}
}

// get asks for a page, through the filters that its path has.
func (b *browser) get(target string) *filtertest.Exchange {
	b.t.Helper()
	x := filtertest.Get(b.t, target)
	x.Request.Host = b.host
	x.Request.Header.Add("Accept", b.accept)
	var all []string
	for name, value := range b.cookies {
		all = append(all, name+"="+value)
	}
	if len(all) > 0 {
		x.Request.Header.Add("Cookie", strings.Join(all, "; "))
	}
	x.Restart()
	if b.prepare != nil {
		b.prepare(x)
	}
	switch filters := []filter.Filter{b.site.grant}; {
	case strings.HasPrefix(target, callbackPath):
		x.Run(b.site.callback)
	case strings.HasPrefix(target, "/logout"):
		x.Run(b.site.logout)
	default:
		if b.site.query != nil {
			filters = append(filters, b.site.query)
		}
		x.Run(filters...)
	}
	for _, set := range filtertest.Fields(&x.Response.Header, "Set-Cookie") {
		pair, attributes, _ := strings.Cut(set, ";")
		name, value, _ := strings.Cut(pair, "=")
		if b.cookies[name] = value; strings.Contains(attributes, "Max-Age=0;") {
			delete(b.cookies, name)
		}
	}
	return x
}

func (b *browser) logIn(target string) *filtertest.Exchange {
	b.t.Helper()
	x := b.get(target)
	b.want(x, 302)
	host, back := b.site.p.login(x.Response.Header.Get("Location"))
	was := b.host
	b.host = host
	defer func() { b.host = was }()
	return b.get(back)
}

func (b *browser) want(x *filtertest.Exchange, status int) {
	b.t.Helper()
	if x.Response.Status != status || x.Forwarded != (status == 200) {
		b.t.Fatalf("%s: found the status %d, want %d; the backend was asked: %v", x.Target(), x.Response.Status, status, x.Forwarded)
	}
	if v := x.Request.Header.Get("Cookie"); strings.Contains(v, "oauth2-grant") {
		b.t.Errorf("the backend gets the cookies %q", v)
	}
}

// files writes files and returns their folder.
func files(t testing.TB, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
