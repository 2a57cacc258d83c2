package judges

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// installed is where what the judge of logins needs is.
type installed struct{ provider, browser string }

// installOIDC installs it, or skips the test where that cannot be done.
func installOIDC(t *testing.T) installed {
	t.Helper()
	cmd := exec.Command("oidc/install")
	var said output
	cmd.Stderr = &said
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 2 {
		t.Skipf("the judge of logins (npm's oidc-provider, Debian's Chromium) cannot be installed: %v\n%s", err, said.end())
	}
	return installed{lines[0], lines[1]}
}

// idp is a certified provider behind a proxy of ours, which sees what is said and
// can spoil it.
type idp struct {
	t         *testing.T
	file      string
	url       string // the issuer
	callbacks string
	out       *output
	stop      func()

	mu       sync.Mutex
	node     *url.URL
	down     bool
	spoil    func(tokens map[string]any) // what the token endpoint answers
	idTokens []string                    // those that were issued
	back     string                      // where the provider last sent a browser back to
	state    string                      // of the login that was begun last
	counts   map[string]int              // of requests, by path; refreshes under "refresh"
	revoked  []string
}

// startIDP starts one whose clients are called back at these URLs.
func startIDP(t *testing.T, file string, callbacks ...string) *idp {
	t.Helper()
	p := &idp{t: t, file: file, callbacks: strings.Join(callbacks, " "), out: &output{}, counts: map[string]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			p.mu.Lock()
			defer p.mu.Unlock()
			r.SetURL(p.node)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: p.see,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.count(r) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	p.url = s.URL
	p.start()
	t.Cleanup(func() {
		s.Close()
		p.stop()
		if t.Failed() {
			t.Logf("the provider says:\n%s", p.out.end())
		}
	})
	return p
}

// count counts a request and reports whether the provider is down.
func (p *idp) count(r *http.Request) (down bool) {
	path := r.URL.Path
	var form url.Values
	if r.Method == http.MethodPost && strings.HasPrefix(path, "/token") {
		text, _ := io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(text))
		r.Body = io.NopCloser(strings.NewReader(string(text)))
		if form.Get("grant_type") == "refresh_token" {
			path = "refresh"
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if path == "/token/revocation" {
		p.revoked = append(p.revoked, form.Get("token_type_hint"))
	}
	if path == "/auth" {
		p.state = r.URL.Query().Get("state")
	}
	p.counts[path]++
	return p.down
}

func (p *idp) counted(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[path]
}

// set changes what happens.
func (p *idp) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// see remembers and spoils.
func (p *idp) see(resp *http.Response) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to := resp.Header.Get("Location"); strings.Contains(to, "code=") {
		p.back = to
	}
	if resp.Request.URL.Path != "/token" || resp.StatusCode != http.StatusOK {
		return nil
	}
	var tokens map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil {
		return err
	}
	resp.Body.Close()
	if token, ok := tokens["id_token"].(string); ok {
		p.idTokens = append(p.idTokens, token)
	}
	if p.spoil != nil {
		p.spoil(tokens)
	}
	text, err := json.Marshal(tokens)
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(string(text))), int64(len(text))
	resp.Header.Set("Content-Length", fmt.Sprint(len(text)))
	return err
}

// start starts the program, with new keys and without any memory.
func (p *idp) start() {
	p.t.Helper()
	cmd := exec.Command("node", p.file)
	cmd.Env = append(os.Environ(), "ISSUER="+p.url, "CALLBACKS="+p.callbacks, "NODE_ENV=production")
	cmd.Stderr = p.out
	stdin, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Skipf("node cannot be run: %v", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		p.t.Fatalf("the provider does not start: %v\n%s", err, p.out.end())
	}
	node, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		p.t.Fatal(err)
	}
	p.set(func() { p.node = node })
	p.stop = func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// loginTown is all that a login needs.
type loginTown struct {
	t       *testing.T
	idp     *idp
	front   *front
	browser *browser
	base    string // of the pages
	grant   string // of the pages of another Fairlead, with the OAuth 2 grant flow
	secrets string // the file
	backend string
}

// loginRoutes has a route for each client of the provider. The backend shows the
// request as it gets it.
const loginRoutes = `
app:   PathSubtree("/app")   -> oauthOidcAllClaims("ISSUER", "app", "app-secret-XX", "BASE/app/callback", "email offline_access", "sub email", "prompt=consent", "X-User:subject X-Email:claims.email X-Token:oauth2token.access_token", "0") -> "BACKEND";
info:  PathSubtree("/info")  -> oauthOidcUserInfo("ISSUER", "post", "post-secret-XX", "BASE/info/callback", "email profile", "name email", "", "", "0") -> "BACKEND";
big:   PathSubtree("/big")   -> oauthOidcAnyClaims("ISSUER", "app", "app-secret-XX", "BASE/big/callback", "email big", "big", "", "X-Big:claims.big.@this", "0") -> "BACKEND";
short: PathSubtree("/short") -> oauthOidcAnyClaims("ISSUER", "short", "short-secret-XX", "BASE/short/callback", "email offline_access", "", "prompt=consent", "X-User:subject X-Token:oauth2token.access_token", "0") -> "BACKEND";
brief: PathSubtree("/brief") -> oauthOidcAnyClaims("ISSUER", "short", "short-secret-XX", "BASE/brief/callback", "email", "", "", "X-User:subject", "0") -> "BACKEND";
other: PathSubtree("/other") -> oauthOidcAnyClaims("ISSUER", "other", "other-secret-XX", "BASE/other/callback", "email", "", "", "X-User:subject", "0") -> "BACKEND";
intro: PathSubtree("/intro") -> secureOauthTokenintrospectionAllKV("ISSUER", "app", "app-secret-XX", "client_id", "app", "sub", "joe") -> forwardTokenField("X-User", "sub") -> "BACKEND";
anon:  PathSubtree("/anon")  -> oauthTokenintrospectionAnyKV("ISSUER", "client_id", "app") -> "BACKEND";
jwt:   PathSubtree("/jwt")   -> jwtValidation("ISSUER") -> forwardTokenField("X-User", "sub") -> "BACKEND";
keys:  PathSubtree("/keys")  -> jwtValidationKeys("ISSUER/jwks") -> forwardTokenField("X-User", "sub") -> "BACKEND";
never: PathSubtree("/never") -> oauthOidcAllClaims("ISSUER", "app", "app-secret-XX", "BASE/never/callback", "email", "nothing", "", "", "0") -> "BACKEND";
`

func newLoginTown(t *testing.T) *loginTown {
	t.Helper()
	in := installOIDC(t)
	w := &loginTown{t: t}
	secure := freeAddress(t)
	w.base = "https://" + frontName + secure[strings.LastIndexByte(secure, ':'):]
	var callbacks []string
	for _, route := range []string{"app", "info", "big", "short", "brief", "other", "never"} {
		callbacks = append(callbacks, w.base+"/"+route+"/callback")
	}
	granting := freeAddress(t)
	w.grant = "https://" + frontName + granting[strings.LastIndexByte(granting, ':'):]
	callbacks = append(callbacks, w.grant+"/.well-known/oauth2-callback")
	w.idp = startIDP(t, in.provider, callbacks...)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "backend %s\n", r.URL.RequestURI())
		for _, name := range []string{"X-User", "X-Email", "X-Token", "Cookie", "Skipper-Oidc-Info"} {
			fmt.Fprintf(w, "%s=%s\n", name, r.Header.Get(name))
		}
		fmt.Fprintf(w, "big=%d\n", len(r.Header.Get("X-Big")))
	}))
	t.Cleanup(echo.Close)
	w.backend = echo.URL
	w.secrets = filepath.Join(t.TempDir(), "secrets")
	w.write(strings.Repeat("1", 32))
	routes := strings.NewReplacer("ISSUER", w.idp.url, "BASE", w.base, "BACKEND", echo.URL, "XX", strings.Repeat("x", 32)).Replace(loginRoutes)
	w.front = startFrontAt(t, certtest.New(t, "front"), secure, routes,
		"-oidc-secrets-file", w.secrets, "-oidc-cookie-validity", "2s")
	w.startGrant(granting)
	w.browser = startBrowser(t, in.browser)
	return w
}

// startGrant starts a Fairlead with logins for all routes but one of its own: that
// of the callback.
func (w *loginTown) startGrant(secure string) {
	w.t.Helper()
	dir := w.t.TempDir()
	for name, text := range map[string]string{"id": "short\n", "secret": "short-secret-" + strings.Repeat("x", 32) + "\n", "seal": strings.Repeat("3", 32)} {
		certtest.WriteFile(w.t, filepath.Join(dir, name), []byte(text))
	}
	routes := `page: * -> grantClaimsQuery("/:email") -> "` + w.backend + `"; bye: Path("/bye") -> grantLogout() -> inlineContent("bye") -> <shunt>`
	startFrontAt(w.t, certtest.New(w.t, "front"), secure, routes,
		"-default-filters-prepend", "oauthGrant()", "-enable-oauth2-grant-flow", "-oauth2-secret-file", filepath.Join(dir, "seal"),
		"-oauth2-client-id-file", filepath.Join(dir, "id"), "-oauth2-client-secret-file", filepath.Join(dir, "secret"),
		"-oauth2-auth-url", w.idp.url+"/auth", "-oauth2-token-url", w.idp.url+"/token", "-oauth2-revoke-token-url", w.idp.url+"/token/revocation",
		"-oauth2-tokeninfo-url", w.idp.url+"/me", "-oauth2-tokeninfo-subject-key", "sub", "-oauth2-token-cookie-remove-subdomains", "0",
		"-oauth2-auth-url-parameters", "scope=openid email offline_access,prompt=consent", "-oauth2-access-token-header-name", "X-Token")
}

func (w *loginTown) write(secrets string) {
	w.t.Helper()
	certtest.WriteFile(w.t, w.secrets+".new", []byte(secrets))
	if err := os.Rename(w.secrets+".new", w.secrets); err != nil {
		w.t.Fatal(err)
	}
}

// logIn opens a page, and logs in and consents where the provider asks.
func (w *loginTown) logIn(tb *tab, page, user string) {
	tb.t.Helper()
	w.logInAt(tb, w.base+page, user)
}

func (w *loginTown) logInAt(tb *tab, url, user string) {
	tb.t.Helper()
	tb.open(url)
	w.asked(tb, user)
}

// asked answers the provider's questions.
func (w *loginTown) asked(tb *tab, user string) {
	tb.t.Helper()
	for range 5 {
		if !strings.HasPrefix(tb.url(), w.idp.url+"/interaction/") {
			return
		}
		tb.arrive(func() {
			tb.eval(`(() => {
				const login = document.querySelector('[name=login]');
				if (login) { login.value = '` + user + `'; document.querySelector('[name=password]').value = 'x'; }
				document.querySelector('form').submit();
			})()`)
		})
	}
	tb.t.Fatalf("the provider asks again and again, now %q: %s", tb.url(), tb.text())
}

// want makes sure that a page is shown: its text has all of these.
func (w *loginTown) want(tb *tab, texts ...string) {
	tb.t.Helper()
	got := tb.text()
	for _, text := range texts {
		if !strings.Contains(got, text) {
			tb.t.Fatalf("%s shows %q, expected %q", tb.url(), got, text)
		}
	}
}

// field returns what the backend got in a field.
func field(tb *tab, name string) string {
	tb.t.Helper()
	_, rest, _ := strings.Cut(tb.text(), "\n"+name+"=")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

const session = "__Host-fairlead-oidc-"

// TestOIDC walks through logins in a browser, with a certified provider.
func TestOIDC(t *testing.T) {
	w := newLoginTown(t)
	for _, walk := range []struct {
		name string
		do   func(*testing.T, *loginTown)
	}{
		{"login, consent, cookie, page", loginWalk},
		{"user info, another way of authentication", userInfoWalk},
		{"scripts are not sent to the login", scriptWalk},
		{"claims that are missing", claimsWalk},
		{"tokens shown to an API", tokenWalk},
		{"refresh", refreshWalk},
		{"expiry", expiryWalk},
		{"logout at the provider", logoutWalk},
		{"wrong state", stateWalk},
		{"replayed code", replayWalk},
		{"wrong nonce", nonceWalk},
		{"another audience", audienceWalk},
		{"cookie tampered with", tamperWalk},
		{"long session", longWalk},
		{"two tabs", tabsWalk},
		{"the provider is down", downWalk},
		{"OAuth 2 grant", grantWalk},
		{"rotated keys", keysWalk},
		{"rotated secrets", secretsWalk},
	} {
		t.Run(walk.name, func(t *testing.T) {
			started := time.Now()
			walk.do(t, w)
			t.Logf("took %v", time.Since(started).Round(time.Millisecond))
		})
	}
}
