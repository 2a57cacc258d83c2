package login

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"fairlead.dev/fairlead/kit/httpcall"
)

// newClient returns a client of a token endpoint that h is.
func newClient(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	calls := httpcall.New(httpcall.Config{})
	t.Cleanup(func() { _ = calls.Close() })
	return &Client{
		Config: oauth2.Config{ClientID: "me", ClientSecret: "s3cret", Scopes: []string{"openid", "email"}, Endpoint: oauth2.Endpoint{
			AuthURL: "https://id.example/auth?x=y", TokenURL: s.URL + "/token", AuthStyle: oauth2.AuthStyleInHeader,
		}},
		Calls: calls, Timeout: 5 * time.Second,
	}
}

func TestAuthURL(t *testing.T) {
	c := newClient(t, nil)
	a := &Attempt{State: "st", Verifier: strings.Repeat("v", 43), Callback: "https://www.example.org/cb"}
	u, err := url.Parse(c.AuthURL(a, url.Values{"nonce": {"no"}, "prompt": {"login"}}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"x": "y", "client_id": "me", "response_type": "code", "scope": "openid email", "state": "st", "nonce": "no", "prompt": "login",
		"redirect_uri": "https://www.example.org/cb", "code_challenge_method": "S256", "code_challenge": a.Challenge(),
	}
	for name, v := range want {
		if got := u.Query().Get(name); got != v {
			t.Errorf("%s: got %q, want %q", name, got, v)
		}
	}
	if len(u.Query()) != len(want) {
		t.Errorf("got %v", u.Query())
	}
}

func TestExchangeAndRefresh(t *testing.T) {
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if err := r.ParseForm(); err != nil || id != "me" || secret != "s3cret" {
			t.Errorf("client %q, %v", id, err)
		}
		answer := map[string]any{"access_token": "A", "token_type": "Bearer", "expires_in": 60, "id_token": "I"}
		switch f := r.PostForm; f.Get("grant_type") {
		case "authorization_code":
			if f.Get("code") != "C" || f.Get("code_verifier") != "V" || f.Get("redirect_uri") != "https://www.example.org/cb" || f.Get("more") != "1" {
				t.Errorf("got %v", f)
			}
			answer["refresh_token"] = "R"
		case "refresh_token":
			if f.Get("refresh_token") != "R" {
				t.Errorf("got %v", f)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	})
	tok, err := c.Exchange(t.Context(), &Attempt{Verifier: "V", Callback: "https://www.example.org/cb"}, "C", url.Values{"more": {"1"}})
	if err != nil || tok.AccessToken != "A" || tok.RefreshToken != "R" || tok.Extra("id_token") != "I" {
		t.Fatalf("got %v, %v", tok, err)
	}
	tok, err = c.Refresh(t.Context(), "R")
	if err != nil || tok.AccessToken != "A" || tok.RefreshToken != "R" {
		t.Fatalf("got %v, %v", tok, err)
	}
}

// What a provider answers is a refusal or a failure, and nothing secret of it is
// in the error.
func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		status  int
		body    string
		refused bool
	}{
		{400, `{"error":"invalid_grant","error_description":"topsecret"}`, true},
		{401, `{"error":"invalid_client"}`, false},
		{400, `{"error":"in\nvalid topsecret_but_short"}`, false},
		{500, `topsecret`, false},
		{200, `topsecret`, false},
		{200, `{"token_type":"Bearer"}`, false},
		{302, ``, false},
	} {
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		})
		_, err := c.Exchange(t.Context(), &Attempt{}, "topsecretcode", nil)
		if err == nil || errors.Is(err, ErrRefused) != tt.refused {
			t.Errorf("%d %s: got %v", tt.status, tt.body, err)
			continue
		}
		if s := err.Error(); strings.Contains(s, "topsecretcode") || strings.ContainsAny(s, "\r\n") || strings.Contains(s, "description") {
			t.Errorf("%d %s: the error is %q", tt.status, tt.body, s)
		}
	}
}

func TestRevoke(t *testing.T) {
	status := 200
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("token") != "R" || r.PostForm.Get("token_type_hint") != "refresh_token" {
			t.Errorf("got %v, %v", r.PostForm, err)
		}
		w.WriteHeader(status)
	})
	if err := c.Revoke(t.Context(), c.Config.Endpoint.TokenURL, "R", "refresh_token"); err != nil {
		t.Error(err)
	}
	status = 503
	if err := c.Revoke(t.Context(), c.Config.Endpoint.TokenURL, "R", "refresh_token"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
}

// A token endpoint that sends elsewhere gets no second chance: what is shown to it,
// the code and the secret of the client, is for nobody else (RFC 9700 4.12).
func TestNoRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		t.Errorf("%s elsewhere with %v", r.Method, r.Form)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"forged","token_type":"Bearer"}`)
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{302, 307, 308} {
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		if got, err := c.Exchange(t.Context(), &Attempt{Verifier: strings.Repeat("v", 43)}, "code", nil); err == nil {
			t.Errorf("%d: got %v", status, got)
		}
		if got, err := c.Refresh(t.Context(), "refresh"); err == nil {
			t.Errorf("%d: got %v", status, got)
		}
	}
}
