package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAuthIsLogged checks that the access log says who sent a request that a filter
// let pass, and why it was refused, and has no password.
func TestAuthIsLogged(t *testing.T) {
	dir := t.TempDir()
	users, logged := filepath.Join(dir, "htpasswd"), filepath.Join(dir, "access.log")
	if err := os.WriteFile(users, []byte("me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := run(t, fmt.Sprintf(`-inline-routes=* -> enableAccessLog() -> basicAuth("%s") -> setContextRequestHeader("X-User", "auth-user") -> inlineContent("in") -> <shunt>`, users),
		"-access-log="+logged, "-access-log-json-enabled", "-wait-first-route-load")
	for password, want := range map[string]int{"password": 200, "wrong-one": 401} {
		req, err := http.NewRequest(http.MethodGet, i.proxy+"/"+fmt.Sprint(want), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("me", password)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("got %v, %v", resp, err)
		}
		_ = resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	var text string
	i.eventually("both lines", func() bool {
		b, err := os.ReadFile(logged)
		text = string(b)
		return err == nil && strings.Count(text, "\n") == 2
	})
	for line := range strings.Lines(text) {
		if strings.Contains(line, "password") || strings.Contains(line, "wrong-one") ||
			strings.Contains(line, `"status":200`) != strings.Contains(line, `"auth-user":"me"`) ||
			strings.Contains(line, `"status":401`) != strings.Contains(line, `"reason":"unauthorized"`) {
			t.Errorf("logged %s", line)
		}
	}
}
