package oidc_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/issuer/issuertest"
	"fairlead.dev/fairlead/option"
)

// provider is a strict OpenID provider: codes and refresh tokens count once, with
// the client, the callback and the verifier they were made for.
type provider struct {
	t   testing.TB
	url string
	// signer has the keys.
	signer *issuertest.Issuer

	mu     sync.Mutex
	codes  map[string]url.Values // code -> what the login asked for
	fresh  map[string]bool       // refresh tokens
	serial int
	// What follows may be changed between requests.
	down, noKeys, noIDToken, noRefresh, noUserInfo bool
	claims                                         map[string]any // of ID tokens, beside or instead of the usual
	userInfo                                       map[string]any
	lifetime                                       time.Duration
	exchanges, refreshes                           int
	wait                                           chan struct{} // refreshes wait for it
}

const (
	clientID     = "my-client"
	clientSecret = "my s3cret"
	callback     = "https://www.example.org/auth/callback"
)

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{
		t: t, signer: issuertest.New(t), codes: map[string]url.Values{}, fresh: map[string]bool{}, lifetime: time.Hour,
		userInfo: map[string]any{"sub": "joe", "email": "joe@example.org", "name": "Jöe"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.metadata)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.info)
	mux.HandleFunc("GET /v1.0/users/", p.groups)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		down := p.down || p.noKeys && r.URL.Path == "/keys"
		p.mu.Unlock()
		if down {
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

func (p *provider) metadata(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{
		"issuer": p.url, "jwks_uri": p.url + "/keys", "authorization_endpoint": p.url + "/authorize",
		"token_endpoint": p.url + "/token", "authorization_response_iss_parameter_supported": true,
	}
	if !p.noUserInfo {
		m["userinfo_endpoint"] = p.url + "/userinfo"
	}
	p.answer(w, 200, m)
}

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{issuertest.Public(p.signer.Key())}})
}

func (p *provider) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Errorf("answer: %v", err)
	}
}

// login is the user who logs in and consents: it takes the browser's redirect and
// returns where the provider sends it.
func (p *provider) login(location string) (target string) {
	p.t.Helper()
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, p.url+"/authorize?") {
		p.t.Fatalf("the browser is sent to %q, %v", location, err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "redirect_uri": callback, "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			p.t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if q.Get("state") == "" || q.Get("nonce") == "" || q.Get("code_challenge") == "" || !strings.Contains(q.Get("scope"), "openid") {
		p.t.Errorf("the login asks for %v", q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	code := fmt.Sprintf("code%d", p.serial)
	p.codes[code] = q
	return "/auth/callback?" + url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.url}}.Encode()
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id != clientID || secret != clientSecret {
		p.answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	if err := r.ParseForm(); err != nil {
		p.t.Error(err)
	}
	f := r.PostForm
	p.mu.Lock()
	wait := p.wait
	p.mu.Unlock()
	if wait != nil && f.Get("grant_type") == "refresh_token" {
		<-wait
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	nonce := ""
	switch f.Get("grant_type") {
	case "authorization_code":
		p.exchanges++
		asked, ok := p.codes[f.Get("code")]
		delete(p.codes, f.Get("code"))
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if !ok || asked.Get("redirect_uri") != f.Get("redirect_uri") || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			p.answer(w, 400, map[string]string{"error": "invalid_grant"})
			return
		}
		nonce = asked.Get("nonce")
	case "refresh_token":
		p.refreshes++
		if !p.fresh[f.Get("refresh_token")] {
			p.answer(w, 400, map[string]string{"error": "invalid_grant"})
			return
		}
		delete(p.fresh, f.Get("refresh_token"))
	}
	p.answer(w, 200, p.tokens(nonce))
}

// tokens makes tokens; mu is held.
func (p *provider) tokens(nonce string) map[string]any {
	p.serial++
	out := map[string]any{"access_token": fmt.Sprintf("access%d", p.serial), "token_type": "Bearer", "expires_in": int(p.lifetime.Seconds())}
	if !p.noRefresh {
		refresh := fmt.Sprintf("refresh%d", p.serial)
		p.fresh[refresh], out["refresh_token"] = true, refresh
	}
	if !p.noIDToken {
		claims := map[string]any{
			"iss": p.url, "aud": clientID, "sub": "joe", "exp": time.Now().Add(p.lifetime).Unix(), "email": "joe@example.org",
		}
		if nonce != "" {
			claims["nonce"] = nonce
		}
		maps.Copy(claims, p.claims)
		out["id_token"] = p.signer.Token(claims)
	}
	return out
}

func (p *provider) info(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer access") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.answer(w, 200, p.userInfo)
}

// groups answers as Microsoft Graph does, in two pages.
func (p *provider) groups(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1.0/users/0815/transitiveMemberOf" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer access") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if r.URL.Query().Get("page") == "" {
		p.answer(w, 200, map[string]any{
			"@odata.nextLink": p.url + r.URL.Path + "?page=2",
			"value":           []map[string]any{{"id": "1", "onPremisesSamAccountName": "admins"}, {"id": "2"}},
		})
		return
	}
	p.answer(w, 200, map[string]any{"value": []map[string]any{{"id": "3", "onPremisesSamAccountName": "users"}}})
}

// browser goes through filters and keeps cookies.
type browser struct {
	t       testing.TB
	filters []filter.Filter
	cookies map[string]string
	fields  []string // more fields of requests, name and value in turn
}

const html = "text/html,*/*;q=0.8"

func newBrowser(t testing.TB, filters ...filter.Filter) *browser {
	return &browser{t: t, filters: filters, cookies: map[string]string{}}
}

// get asks for a page of www.example.org.
func (b *browser) get(target string) *filtertest.Exchange {
	b.t.Helper()
	x := filtertest.Get(b.t, target)
	x.Request.Header.Add("Accept", html)
	for i := 0; i+1 < len(b.fields); i += 2 {
		x.Request.Header.Set(b.fields[i], b.fields[i+1])
	}
	return b.do(x)
}

func (b *browser) do(x *filtertest.Exchange) *filtertest.Exchange {
	b.t.Helper()
	var all []string
	for name, value := range b.cookies {
		all = append(all, name+"="+value)
	}
	if len(all) > 0 {
		x.Request.Header.Add("Cookie", strings.Join(all, "; "))
	}
	x.Run(b.filters...)
	for _, set := range filtertest.Fields(&x.Response.Header, "Set-Cookie") {
		pair, attributes, _ := strings.Cut(set, ";")
		name, value, _ := strings.Cut(pair, "=")
		if b.cookies[name] = value; strings.Contains(attributes, "Max-Age=0;") {
			delete(b.cookies, name)
		}
	}
	return x
}

// logIn walks through a whole login, and returns the answer at the callback.
func (b *browser) logIn(p *provider, target string) *filtertest.Exchange {
	b.t.Helper()
	x := b.get(target)
	b.want(x, 302)
	return b.get(p.login(x.Response.Header.Get("Location")))
}

func (b *browser) want(x *filtertest.Exchange, status int) {
	b.t.Helper()
	if x.Response.Status != status {
		b.t.Fatalf("%s: found the status %d, want %d", x.Target(), x.Response.Status, status)
	}
	if x.Forwarded && status != 200 {
		b.t.Fatalf("%s: the backend was asked", x.Target())
	}
	for _, v := range filtertest.Fields(&x.Request.Header, "Cookie") {
		if strings.Contains(v, "fairlead-oidc") {
			b.t.Errorf("the backend gets the cookies %q", v)
		}
	}
}

// env returns an environment with these flags.
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

// build makes a filter for a provider; more are the arguments from the claims on.
func build(t testing.TB, e *filter.Env, p *provider, name string, more ...any) filter.Filter {
	t.Helper()
	return filtertest.BuildEnv(t, e, name, append([]any{p.url, clientID, clientSecret, callback, "email offline_access"}, more...)...)
}
