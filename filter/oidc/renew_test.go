package oidc_test

import (
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
)

// A session that is over is renewed, once for all who come with it.
func TestRenew(t *testing.T) {
	p := newProvider(t)
	p.claims = map[string]any{"exp": time.Now().Add(2 * time.Second).Unix()}
	e := env(t, "-oidc-cookie-validity=1ms") // it is over when it begins
	b := newBrowser(t, build(t, e, p, "oauthOidcAnyClaims", "", "", "", "0"))
	b.want(b.logIn(p, "/"), 302)
	p.set(func() { p.claims = nil; p.wait = make(chan struct{}) })
	old := b.cookies
	var wg sync.WaitGroup
	subjects := make([]string, 5)
	for i := range subjects {
		tab := newBrowser(t, b.filters...)
		for k, v := range old {
			tab.cookies[k] = v
		}
		wg.Go(func() {
			x := tab.get("/")
			if x.Response.Status == 200 && len(filtertest.Fields(&x.Response.Header, "Set-Cookie")) > 0 {
				subjects[i], _ = filter.State(x.Context, "auth-user")
			}
		})
	}
	close(p.wait)
	wg.Wait()
	for i, s := range subjects {
		if s != "joe" {
			t.Errorf("tab %d has the user %q", i, s)
		}
	}
	b.want(b.get("/"), 200) // with the old session, a moment later
	if p.refreshes != 1 {
		t.Errorf("%d refreshes", p.refreshes)
	}
	b.want(b.get("/"), 200) // with the new one
	if p.refreshes != 1 {
		t.Errorf("%d refreshes", p.refreshes)
	}
}

func TestRenewFails(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*provider)
		want   int
	}{
		"no refresh token":   {func(p *provider) { p.noRefresh = true }, 302},
		"revoked":            {func(p *provider) { clear(p.fresh) }, 302},
		"another user":       {func(p *provider) { p.claims = map[string]any{"sub": "eve"} }, 302},
		"no new ID token":    {func(p *provider) { p.noIDToken = true; p.claims = nil }, 200},
		"provider down":      {func(p *provider) { p.down = true }, 503},
		"another audience":   {func(p *provider) { p.claims = map[string]any{"aud": "other"} }, 302},
		"with the old token": {func(p *provider) { p.claims = nil }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.noRefresh = name == "no refresh token"
			p.claims = map[string]any{"exp": time.Now().Add(2 * time.Second).Unix()}
			b := newBrowser(t, build(t, env(t, "-oidc-cookie-validity=1ms"), p, "oauthOidcAnyClaims", "", "", "", "0"))
			b.want(b.logIn(p, "/"), 302)
			p.set(func() { tt.change(p) })
			b.want(b.get("/"), tt.want)
		})
	}
}
