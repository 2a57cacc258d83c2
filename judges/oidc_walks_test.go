package judges

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func loginWalk(t *testing.T, w *loginTown) {
	p := w.browser.newPerson(t)
	tb := p.newTab()
	tb.open(w.base + "/app/page?a=b")
	if !strings.HasPrefix(tb.url(), w.idp.url+"/interaction/") {
		t.Fatalf("the browser is at %q, expected the provider's login", tb.url())
	}
	under := p.cookies("-login-")
	if len(under) != 1 || !under[0].HTTPOnly || !under[0].Secure || under[0].SameSite != "Lax" {
		t.Errorf("cookies of the login under way: %+v", under)
	}
	w.asked(tb, "joe")
	if tb.url() != w.base+"/app/page?a=b" {
		t.Errorf("the browser comes back to %q", tb.url())
	}
	w.want(tb, "backend /app/page?a=b", "X-User=joe", "X-Email=joe@example.org", "Cookie=\n", "Skipper-Oidc-Info=\n")
	kept := p.cookies("fairlead-oidc")
	if len(kept) != 1 || !strings.HasPrefix(kept[0].Name, session) || !kept[0].HTTPOnly || !kept[0].Secure || kept[0].SameSite != "Lax" || kept[0].Domain != frontName || kept[0].Path != "/" {
		t.Errorf("cookies of the session: %+v", kept)
	}
	if strings.Contains(kept[0].Value, "joe") {
		t.Error("the cookie can be read")
	}
	if got := tb.eval("document.cookie"); got != "" {
		t.Errorf("scripts see %q", got)
	}
	before := w.idp.counted("/auth")
	tb.open(w.base + "/app/again")
	w.want(tb, "backend /app/again", "X-User=joe")
	if w.idp.counted("/auth") != before {
		t.Error("the provider was asked again")
	}
}

func userInfoWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/info/", "joe")
	w.want(tb, `"userInfo":{`, `J\u00f6hn joe`, `"subject":"joe"`)
}

func scriptWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/other/", "joe")
	before := w.idp.counted("/auth")
	for _, script := range []string{
		`fetch("/app/data").then(r => r.status)`,
		`fetch("/app/data", {method: "POST", body: "x"}).then(r => r.status)`,
		`fetch("/app/data", {headers: {Accept: "text/html"}}).then(r => r.status)`,
	} {
		if got := tb.eval(script); got != "401" {
			t.Errorf("%s: got %s", script, got)
		}
	}
	if w.idp.counted("/auth") != before {
		t.Error("a script was sent to the provider")
	}
	if got := tb.eval(`fetch("/other/data").then(r => r.text())`); !strings.Contains(got, "X-User=joe") {
		t.Errorf("with a session: %q", got)
	}
}

func claimsWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/never/", "joe")
	w.want(tb, "Forbidden")
}

func refreshWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/short/", "joe")
	first, auth, refreshes := field(tb, "X-Token"), w.idp.counted("/auth"), w.idp.counted("refresh")
	if first == "" {
		t.Fatal("the backend got no token")
	}
	eventually(t, "the session is renewed", func() bool {
		tb.open(w.base + "/short/")
		w.want(tb, "X-User=joe")
		return field(tb, "X-Token") != first
	})
	if w.idp.counted("/auth") != auth || w.idp.counted("refresh") == refreshes {
		t.Error("the user had to log in again")
	}
	// Several requests at a time with a session that is over: one refresh token.
	second := field(tb, "X-Token")
	all := ""
	eventually(t, "the session is renewed once more", func() bool {
		all = tb.eval(`Promise.all([1,2,3,4,5,6].map(i => fetch("/short/" + i).then(r => r.text()))).then(a => a.join("|"))`)
		return !strings.Contains(all, second)
	})
	if n := strings.Count(all, "X-User=joe"); n != 6 {
		t.Errorf("%d of 6 requests passed: %s", n, all)
	}
}

func expiryWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/brief/", "joe")
	w.want(tb, "X-User=joe")
	auth := w.idp.counted("/auth")
	eventually(t, "the session is over", func() bool {
		tb.open(w.base + "/brief/")
		w.want(tb, "X-User=joe") // the provider still knows the user
		return w.idp.counted("/auth") > auth
	})
}

func logoutWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/brief/", "joe")
	tb.open(w.idp.url + "/session/end")
	tb.arrive(func() { tb.eval(`document.querySelector('[name=logout]').click()`) })
	eventually(t, "the user is asked to log in", func() bool {
		tb.open(w.base + "/brief/")
		return strings.HasPrefix(tb.url(), w.idp.url+"/interaction/")
	})
	w.asked(tb, "eve")
	w.want(tb, "X-User=eve")
}

// refused makes sure that a login failed and left no session.
func refused(t *testing.T, w *loginTown, tb *tab) {
	t.Helper()
	w.want(tb, "This login cannot be completed")
	for _, c := range tb.cookies(session) {
		if !strings.Contains(c.Name, "-login-") {
			t.Errorf("there is a session: %s", c.Name)
		}
	}
}

// lastBack returns where the provider sent a browser last.
func (w *loginTown) lastBack() *url.URL {
	w.t.Helper()
	w.idp.mu.Lock()
	defer w.idp.mu.Unlock()
	u, err := url.Parse(w.idp.back)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func stateWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	tb.open(w.base + "/app/")
	tb.open(w.base + "/app/callback?code=x&state=wrong&iss=" + url.QueryEscape(w.idp.url))
	refused(t, w, tb)
	// An attacker's login in a victim's browser: state and code are good, but not
	// of this browser.
	attacker := w.browser.newPerson(t).newTab()
	w.logIn(attacker, "/app/", "eve")
	victim := w.browser.newPerson(t).newTab()
	victim.open(w.base + "/app/") // has begun a login, too
	victim.open(w.lastBack().String())
	refused(t, w, victim)
}

func replayWalk(t *testing.T, w *loginTown) {
	p := w.browser.newPerson(t)
	tb := p.newTab()
	tb.open(w.base + "/app/")
	under := p.cookies("-login-")
	w.asked(tb, "joe")
	w.want(tb, "X-User=joe")
	back := w.lastBack()
	tb.open(back.String())
	w.want(tb, "This login cannot be completed")
	tb.open(w.base + "/app/")
	w.want(tb, "X-User=joe") // the session is untouched
	// Whoever kept the cookie of the login, too, is refused by the provider.
	p.forget()
	p.setCookie(under[0], under[0].Value)
	tb.open(back.String())
	refused(t, w, tb)
}

// spoiled logs in while the provider's ID tokens are replaced.
func spoiled(t *testing.T, w *loginTown, token string) {
	t.Helper()
	w.idp.set(func() { w.idp.spoil = func(tokens map[string]any) { tokens["id_token"] = token } })
	defer w.idp.set(func() { w.idp.spoil = nil })
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/app/", "joe")
	refused(t, w, tb)
}

// lastIDToken returns the ID token that was issued last.
func (w *loginTown) lastIDToken() string {
	w.idp.mu.Lock()
	defer w.idp.mu.Unlock()
	return w.idp.idTokens[len(w.idp.idTokens)-1]
}

func nonceWalk(t *testing.T, w *loginTown) {
	w.logIn(w.browser.newPerson(t).newTab(), "/app/", "joe")
	spoiled(t, w, w.lastIDToken()) // good, but of another login
}

func audienceWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/other/", "joe")
	spoiled(t, w, w.lastIDToken()) // good, but for another client
	// A code for another client does not do either.
	other := w.browser.newPerson(t).newTab()
	other.open(w.base + "/other/")
	w.idp.set(func() { w.idp.counts["/token"] = 0 })
	w.asked(other, "eve")
	code := w.lastBack().Query().Get("code")
	mine := w.browser.newPerson(t).newTab()
	mine.open(w.base + "/app/")
	mine.open(w.answer("/app/callback", code))
	refused(t, w, mine)
	if n := w.idp.counted("/token"); n != 2 {
		t.Errorf("%d codes were exchanged, expected the good one and the bad one", n)
	}
}

// answer returns the URL with which a provider would answer the login that was
// begun last.
func (w *loginTown) answer(callback, code string) string {
	w.idp.mu.Lock()
	defer w.idp.mu.Unlock()
	return w.base + callback + "?" + url.Values{"code": {code}, "state": {w.idp.state}, "iss": {w.idp.url}}.Encode()
}

func tamperWalk(t *testing.T, w *loginTown) {
	p := w.browser.newPerson(t)
	tb := p.newTab()
	w.logIn(tb, "/app/", "joe")
	c := p.cookies(session)[0]
	value := []byte(c.Value)
	value[len(value)/2] ^= 1
	p.setCookie(c, string(value))
	tb.open(w.base + "/app/")
	if !strings.HasPrefix(tb.url(), w.idp.url+"/interaction/") { // it asks for consent
		t.Fatalf("the browser is at %q: %s", tb.url(), tb.text())
	}
	w.asked(tb, "joe")
	w.want(tb, "X-User=joe")
}

func longWalk(t *testing.T, w *loginTown) {
	p := w.browser.newPerson(t)
	tb := p.newTab()
	w.logIn(tb, "/big/", "joe")
	w.want(tb, "backend /big/", "big=5000", "Cookie=\n")
	if n := len(p.cookies(session)); n < 2 || n > 6 {
		t.Errorf("the session is in %d cookies", n)
	}
	tb.open(w.base + "/big/again")
	w.want(tb, "backend /big/again", "big=5000")
}

func tabsWalk(t *testing.T, w *loginTown) {
	p := w.browser.newPerson(t)
	var tabs []*tab
	for i := range 3 {
		tb := p.newTab()
		tb.open(fmt.Sprintf("%s/other/%d", w.base, i))
		tabs = append(tabs, tb)
	}
	for i, tb := range tabs {
		w.asked(tb, "joe")
		w.want(tb, fmt.Sprintf("backend /other/%d", i), "X-User=joe")
	}
	if under := p.cookies("-login-"); len(under) != 0 {
		t.Errorf("cookies of logins stay: %+v", under)
	}
}

func downWalk(t *testing.T, w *loginTown) {
	in := w.browser.newPerson(t).newTab()
	w.logIn(in, "/app/", "joe")
	late := w.browser.newPerson(t).newTab()
	late.open(w.base + "/other/")
	w.idp.set(func() { w.idp.down = true })
	defer w.idp.set(func() { w.idp.down = false })
	in.open(w.base + "/app/still")
	w.want(in, "backend /app/still", "X-User=joe")
	late.open(w.answer("/other/callback", "x"))
	w.want(late, "Service Unavailable")
	if got := late.eval(`fetch("/other/").then(r => r.status)`); got != "401" {
		t.Errorf("then: status %s", got)
	}
}

func grantWalk(t *testing.T, w *loginTown) {
	p := w.browser.newPerson(t)
	tb := p.newTab()
	w.logInAt(tb, w.grant+"/page?a=b", "joe")
	if tb.url() != w.grant+"/page?a=b" {
		t.Errorf("the browser comes back to %q", tb.url())
	}
	w.want(tb, "backend /page?a=b", "X-Token=Bearer ", "Cookie=\n")
	kept := p.cookies("oauth2-grant")
	if len(kept) != 1 || kept[0].Name != "__Host-oauth2-grant" || !kept[0].HTTPOnly || !kept[0].Secure || kept[0].SameSite != "Lax" {
		t.Errorf("cookies of the session: %+v", kept)
	}
	first, auth := field(tb, "X-Token"), w.idp.counted("/auth")
	w.idp.set(func() { w.idp.revoked = nil })
	eventually(t, "the session is renewed", func() bool {
		tb.open(w.grant + "/")
		return field(tb, "X-Token") != first
	})
	if w.idp.counted("/auth") != auth {
		t.Error("the user had to log in again")
	}
	if got := tb.eval(`fetch("/data").then(r => r.status)`); got != "200" {
		t.Errorf("a script with a session: status %s", got)
	}
	tb.open(w.lastBack().String())
	w.want(tb, "This login cannot be completed") // the code once more
	tb.open(w.grant + "/bye")
	w.want(tb, "bye")
	if left := p.cookies("oauth2-grant"); len(left) != 0 {
		t.Errorf("cookies stay: %+v", left)
	}
	w.idp.set(func() {
		if got := strings.Join(w.idp.revoked, " "); got != "refresh_token access_token" {
			t.Errorf("revoked: %s", got)
		}
	})
	// Whoever kept the cookie has nothing of it.
	p.setCookie(kept[0], kept[0].Value)
	eventually(t, "the session is over", func() bool {
		tb.open(w.grant + "/")
		return strings.HasPrefix(tb.url(), w.idp.url+"/interaction/")
	})
}

func keysWalk(t *testing.T, w *loginTown) {
	in := w.browser.newPerson(t).newTab()
	w.logIn(in, "/app/", "joe")
	w.idp.stop()
	w.idp.start() // with other keys
	in.open(w.base + "/app/")
	w.want(in, "X-User=joe") // the session was verified when it began
	eventually(t, "logins with the new keys succeed", func() bool {
		tb := w.browser.newPerson(t).newTab()
		w.logIn(tb, "/app/", "joe")
		return strings.Contains(tb.text(), "X-User=joe")
	})
}

func secretsWalk(t *testing.T, w *loginTown) {
	p := w.browser.newPerson(t)
	tb := p.newTab()
	w.logIn(tb, "/other/", "joe")
	old, next := strings.Repeat("1", 32), strings.Repeat("2", 32)
	w.write(next + "\n" + old)
	was := p.cookies(session)[0].Value
	eventually(t, "new sessions are sealed with the new secret", func() bool {
		tb.open(w.base + "/other/")
		w.want(tb, "X-User=joe") // the old one opens
		other := w.browser.newPerson(t)
		w.logIn(other.newTab(), "/other/", "joe")
		return other.cookies(session)[0].Value[2:8] != was[2:8] // version and id of the secret
	})
	w.write(next)
	auth := w.idp.counted("/auth")
	eventually(t, "sessions of the old secret are over", func() bool {
		tb.open(w.base + "/other/")
		w.want(tb, "X-User=joe") // the provider still knows the user
		return w.idp.counted("/auth") > auth
	})
}
