package judges

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tokenWalk takes the tokens that a login gave to routes that check tokens.
func tokenWalk(t *testing.T, w *loginTown) {
	tb := w.browser.newPerson(t).newTab()
	w.logIn(tb, "/app/", "joe")
	access := field(tb, "X-Token")
	w.idp.mu.Lock()
	identity := w.idp.idTokens[len(w.idp.idTokens)-1]
	w.idp.mu.Unlock()
	ask := func(path, token string) string {
		return tb.eval(fmt.Sprintf(`fetch(%q, {headers: {Authorization: "Bearer %s", "X-User": "faked"}}).then(async r => r.status + " " + await r.text())`, path, token))
	}
	half := len(identity) - 20
	broken := identity[:half] + map[bool]string{true: "B", false: "A"}[identity[half] == 'A'] + identity[half+1:]
	for _, tt := range []struct{ path, token, want string }{
		{"/intro/", access, "200 backend /intro/\nX-User=joe"},
		{"/intro/", identity, "401"},
		{"/intro/", "unknown", "401"},
		{"/anon/", access, "503"}, // this provider tells strangers nothing
		{"/jwt/", identity, "200 backend /jwt/\nX-User=joe"},
		{"/jwt/", broken, "401"},
		{"/jwt/", access, "401"},
		{"/keys/", identity, "200 backend /keys/\nX-User=joe"},
		{"/keys/", broken, "401"},
	} {
		if got := ask(tt.path, tt.token); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.path, got, tt.want)
		}
	}
	// A token that is revoked is of no use from then on.
	req, err := http.NewRequest(http.MethodPost, w.idp.url+"/token/revocation", strings.NewReader(url.Values{"token": {access}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("app", "app-secret-"+strings.Repeat("x", 32))
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("revoke: %v, %v", resp, err)
	}
	resp.Body.Close()
	w.idp.set(func() { w.idp.revoked = nil }) // others look at what they revoked themselves
	if got := ask("/intro/", access); !strings.HasPrefix(got, "401") {
		t.Errorf("revoked: got %q", got)
	}
}
