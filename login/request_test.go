package login

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
)

func TestNavigates(t *testing.T) {
	const html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, tt := range []struct {
		name, method string
		fields       []string
		want         bool
	}{
		{"browser", "GET", []string{"Accept", html, "Sec-Fetch-Mode", "navigate"}, true},
		{"old browser", "GET", []string{"Accept", html}, true},
		{"upper case", "GET", []string{"Accept", "a/b, TEXT/HTML;q=1"}, true},
		{"form", "POST", []string{"Accept", html, "Sec-Fetch-Mode", "navigate"}, false},
		{"head", "HEAD", []string{"Accept", html}, false},
		{"fetch", "GET", []string{"Accept", "*/*", "Sec-Fetch-Mode", "cors"}, false},
		{"fetch of html", "GET", []string{"Accept", html, "Sec-Fetch-Mode", "same-origin"}, false},
		{"image", "GET", []string{"Accept", "image/*", "Sec-Fetch-Mode", "no-cors"}, false},
		{"xhr", "GET", []string{"Accept", html, "X-Requested-With", "xmlhttprequest"}, false},
		{"curl", "GET", []string{"Accept", "*/*"}, false},
		{"nothing", "GET", nil, false},
	} {
		x := filtertest.New(t)
		x.Request.Method = tt.method
		for i := 0; i < len(tt.fields); i += 2 {
			x.Request.Header.Add(tt.fields[i], tt.fields[i+1])
		}
		if got := Navigates(x.Request); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestIdentity(t *testing.T) {
	x := filtertest.New(t)
	if IdentityOf(x.Context) != nil {
		t.Error("an identity out of nothing")
	}
	SetIdentity(x.Context, &Identity{Subject: "joe"})
	if user, _ := filter.State(x.Context, "auth-user"); user != "joe" || IdentityOf(x.Context).Subject != "joe" {
		t.Errorf("got %q", user)
	}
}

// The answer of a provider is no matter for the log: the code may still be good.
func TestHideAnswer(t *testing.T) {
	x := filtertest.New(t)
	x.AccessLog.MaskQuery = []string{"email"}
	HideAnswer(x.Context)
	if got := strings.Join(x.AccessLog.MaskQuery, " "); got != "email code state" {
		t.Errorf("hidden: %s", got)
	}
}
