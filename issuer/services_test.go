package issuer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/issuer/issuertest"
	"fairlead.dev/fairlead/option"
)

// newService asks h; flags are more options.
func newService(t testing.TB, h http.HandlerFunc, flags ...string) *issuer.Service {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(append(flags, "-oauth2-tokeninfo-url="+server.URL+"/info")); err != nil {
		t.Fatal(err)
	}
	env := filter.NewEnv(set, nil)
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := issuer.TokeninfoIn(env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokeninfo(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch token {
		case "good":
			io.WriteString(w, `{"uid":"me","scope":["a"],"n":12345678901234567}`)
		case "list":
			io.WriteString(w, `[1]`)
		case "redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			var status int
			fmt.Sscan(token, &status)
			w.WriteHeader(status)
		}
	})
	c, err := s.Ask(t.Context(), "good")
	if err != nil || c["uid"] != "me" || fmt.Sprint(c["n"]) != "12345678901234567" || s.SubjectKey() != "uid" {
		t.Errorf("got %v, %v", c, err)
	}
	for token, bad := range map[string]bool{
		"400": true, "401": true, "403": true, "404": true, "": true, "a b": true, "a\x00": true, "\xe9": true, strings.Repeat("a", 64<<10): true,
		"429": false, "500": false, "503": false, "list": false, "redirect": false,
	} {
		c, err := s.Ask(t.Context(), token)
		if err == nil || errors.Is(err, issuer.ErrToken) != bad || c != nil {
			t.Errorf("%.20q: got %v, %v", token, c, err)
		}
	}
}

func TestTokeninfoCache(t *testing.T) {
	var asked atomic.Int64
	answer := func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		fmt.Fprintf(w, `{"uid":%q,"expires_in":%s}`, token, strings.TrimPrefix(token, "t"))
	}
	for _, tt := range []struct {
		flags []string
		token string
		want  int64
	}{
		{nil, "t100", 2},
		{[]string{"-oauth2-tokeninfo-cache-size=10"}, "t100", 1},
		{[]string{"-oauth2-tokeninfo-cache-size=10", "-oauth2-tokeninfo-cache-ttl=1ns"}, "t100", 2},
		{[]string{"-oauth2-tokeninfo-cache-size=10"}, "t0", 2},
		{[]string{"-oauth2-tokeninfo-cache-size=10"}, "t-5", 2},
		{[]string{"-oauth2-tokeninfo-cache-size=10"}, "tnull", 2},
		{[]string{"-oauth2-tokeninfo-cache-size=10"}, `t"5"`, 2},
	} {
		s := newService(t, answer, tt.flags...)
		asked.Store(0)
		for range 2 {
			if c, err := s.Ask(t.Context(), tt.token); err != nil || c["uid"] != tt.token {
				t.Errorf("%s: got %v, %v", tt.token, c, err)
			}
		}
		if n := asked.Load(); n != tt.want {
			t.Errorf("%v, %s: asked %d times, want %d", tt.flags, tt.token, n, tt.want)
		}
	}
}

// Many requests with one token ask once, and one whose client leaves harms nobody.
func TestTokeninfoTogether(t *testing.T) {
	var asked atomic.Int64
	leave := make(chan struct{})
	s := newService(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-leave
		io.WriteString(w, `{"uid":"me"}`)
	})
	gone, cancel := context.WithCancel(t.Context())
	var first, wg sync.WaitGroup
	first.Go(func() {
		if _, err := s.Ask(gone, "t"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	cancel()
	first.Wait()
	for range 20 {
		wg.Go(func() {
			if c, err := s.Ask(t.Context(), "t"); err != nil || c["uid"] != "me" {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
	close(leave)
	wg.Wait()
	// Those who came when the first answer was there already began another one.
	if n := asked.Load(); n > 3 {
		t.Errorf("asked %d times", n)
	}
}

func TestTokeninfoOptions(t *testing.T) {
	for flag, want := range map[string]string{
		"-oauth2-tokeninfo-timeout=1s":      "name it in -oauth2-tokeninfo-url",
		"-oauth2-tokeninfo-url=x":           "no http or https URL",
		"-oauth2-tokeninfo-url=http://a/#b": "fragment",
	} {
		set := option.NewSet()
		if _, _, err := set.ApplyFlags([]string{flag}); err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.TokeninfoIn(filter.NewEnv(set, nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", flag, err)
		}
	}
}

func TestIntrospect(t *testing.T) {
	idp, book := issuertest.New(t), newBook(t)
	idp.ClientID, idp.ClientSecret = "id", "secret"
	idp.Introspected = func(token string) map[string]any {
		return map[string]any{"active": token == "good+token/=", "sub": "me"}
	}
	p, client := book.Provider(idp.URL), issuer.Client{ID: "id", Secret: "secret"}
	for token, active := range map[string]bool{"good+token/=": true, "bad": false} {
		if c, err := p.Introspect(t.Context(), time.Minute, client, token); err != nil || c["active"] != active {
			t.Errorf("%s: got %v, %v", token, c, err)
		}
	}
	if _, err := p.Introspect(t.Context(), time.Minute, client, "a b"); !errors.Is(err, issuer.ErrToken) {
		t.Errorf("got %v", err)
	}
	for _, other := range []issuer.Client{{}, {ID: "id", Secret: "wrong"}} {
		_, err := p.Introspect(t.Context(), time.Minute, other, "good+token/=")
		if err == nil || errors.Is(err, issuer.ErrToken) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("got %v", err)
		}
	}
	idp.Down.Store(true)
	if _, err := p.Introspect(t.Context(), time.Minute, client, "good+token/="); err == nil || errors.Is(err, issuer.ErrToken) {
		t.Errorf("got %v", err)
	}
}

// Errors of an introspection service: whose fault each is.
func TestIntrospectErrors(t *testing.T) {
	for answer, bad := range map[string]bool{
		`400 {"error":"unsupported_token_type"}`: true, `400 {"error":"invalid_token"}`: true,
		`400 {"error":"invalid_request"}`: false, `400 no JSON`: false, `401 {"error":"invalid_client"}`: false,
		`401 {"error":"invalid_token"}`: false, `302 {}`: false, `200 [1]`: false, `204 `: false,
	} {
		status, body, _ := strings.Cut(answer, " ")
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"introspection_endpoint":%q}`, server.URL, server.URL+"/introspect")
		})
		mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, _ *http.Request) {
			var n int
			fmt.Sscan(status, &n)
			w.WriteHeader(n)
			io.WriteString(w, body)
		})
		c, err := newBook(t).Provider(server.URL).Introspect(t.Context(), time.Minute, issuer.Client{}, "token")
		if err == nil || errors.Is(err, issuer.ErrToken) != bad || c != nil {
			t.Errorf("%s: got %v, %v", answer, c, err)
		}
	}
}

func TestClaims(t *testing.T) {
	c, err := issuer.ParseClaims([]byte(`{"a":"b","t":1.5,"n":null}`))
	if v, ok := c.Text("a"); err != nil || v != "b" || !ok {
		t.Errorf("got %v, %v", c, err)
	}
	if v, ok := c.Time("t"); !ok || !v.Equal(time.Unix(1, 0)) {
		t.Errorf("got %v", v)
	}
	if _, ok := c.Text("n"); ok || c["t"] != json.Number("1.5") {
		t.Errorf("got %v", c)
	}
	for _, text := range []string{"", "null", "1", "[]", `{"a":1}x`, `{"a":`} {
		if c, err := issuer.ParseClaims([]byte(text)); err == nil {
			t.Errorf("%q: got %v", text, c)
		}
	}
}
