package oidc

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/oauth2"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
)

// errToken says that what the provider gave us does not count.
var errToken = errors.New("the tokens do not count")

// clockSkew is how far the provider's clock may be before ours.
const clockSkew = 30 * time.Second

// finish takes the browser back from the provider.
func (f *oidc) finish(c *filter.Context, visit *login.Visit) {
	login.HideAnswer(c)
	if c.Original.Method != "GET" {
		f.refuse(c, fmt.Errorf("found the method %q at the callback, expected GET", c.Original.Method))
		return
	}
	answer := func(name string) string {
		v, _ := message.QueryValue(c.Original.Query, name)
		return strings.Clone(v)
	}
	attempt, err := visit.Finish(answer("state"))
	if err != nil {
		f.refuse(c, err)
		return
	}
	if code := answer("error"); code != "" {
		f.failed(c, code)
		return
	}
	s, err := f.login(c.Context(), attempt, answer("code"), answer("iss"))
	switch {
	case errors.Is(err, login.ErrRefused), errors.Is(err, errToken):
		f.refuse(c, err)
		return
	case err != nil:
		f.unavailable(c, "complete a login", err)
		return
	}
	if err := f.keep(visit, s); err != nil {
		f.unavailable(c, "keep a session", err)
		return
	}
	login.Redirect(c, visit.SafeReturn(attempt.Return, c.Original.Host))
}

// failed answers to an error of the provider's (RFC 6749 4.1.2.1).
func (f *oidc) failed(c *filter.Context, code string) {
	err := fmt.Errorf("the provider answers with the error %q", code[:min(len(code), 64)])
	switch code {
	case "server_error", "temporarily_unavailable", "invalid_scope", "unauthorized_client", "invalid_request", "unsupported_response_type":
		f.unavailable(c, "complete a login", err)
	default: // access_denied, login_required and others: the user may try again
		f.refuse(c, err)
	}
}

// login turns a code into a session.
func (f *oidc) login(ctx context.Context, attempt *login.Attempt, code, iss string) (*session, error) {
	m, err := f.provider.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if iss != m.Issuer && (iss != "" || m.NamesItself) {
		return nil, fmt.Errorf("%w: the answer is of another issuer", errToken) // RFC 9207 2.4
	}
	if code == "" {
		return nil, fmt.Errorf("%w: there is no code", errToken)
	}
	client, err := f.client(ctx)
	if err != nil {
		return nil, err
	}
	t, err := client.Exchange(ctx, attempt, code, nil)
	if err != nil {
		return nil, err
	}
	return f.session(ctx, client, t, attempt.Nonce, nil)
}

// session makes a session of tokens: of a login with its nonce, or in place of an
// old session, which must be of the same user.
func (f *oidc) session(ctx context.Context, client *login.Client, t *oauth2.Token, nonce string, old *session) (*session, error) {
	s := &session{Access: t.AccessToken, Type: t.TokenType, Refresh: t.RefreshToken}
	now := time.Now()
	if !t.Expiry.IsZero() {
		s.AccessExpires = t.Expiry.Unix()
	}
	s.IDToken, _ = t.Extra("id_token").(string)
	until := time.Time{}
	switch {
	case s.IDToken != "":
		claims, err := f.verify(ctx, client.Config.ClientID, s.IDToken, nonce, now)
		if err != nil {
			return nil, err
		}
		s.Subject, _ = claims.Text("sub")
		until, _ = claims.Time("exp")
	case old == nil:
		return nil, fmt.Errorf("%w: the provider gave no ID token", errToken)
	default: // it need not give a new one (OpenID Connect Core 1.0, 12.2)
		s.IDToken, s.Subject, until = old.IDToken, old.Subject, t.Expiry
	}
	if s.Subject == "" || old != nil && s.Subject != old.Subject {
		return nil, fmt.Errorf("%w: the ID token is of another user or of nobody", errToken)
	}
	if until.Before(now.Add(time.Minute)) {
		until = now.Add(f.opts.CookieValidity)
	}
	s.Expires = until.Unix()
	if err := f.learnMore(ctx, s); err != nil {
		return nil, err
	}
	return s, nil
}

// verify verifies an ID token (OpenID Connect Core 1.0, 3.1.3.7). nonce is "" when
// it was renewed.
func (f *oidc) verify(ctx context.Context, id, token, nonce string, now time.Time) (issuer.Claims, error) {
	claims, err := f.provider.Verify(ctx, token, issuer.Expect{Audience: id})
	if errors.Is(err, issuer.ErrToken) {
		return nil, fmt.Errorf("%w: ID token: %w", errToken, err)
	}
	if err != nil {
		return nil, err
	}
	if azp, ok := claims["azp"]; ok && azp != id {
		return nil, fmt.Errorf("%w: the ID token was issued to another client (azp)", errToken)
	}
	if list, ok := claims["aud"].([]any); ok && len(list) > 1 && claims["azp"] == nil {
		return nil, fmt.Errorf("%w: the ID token is for several audiences and does not say for whom it was issued (azp)", errToken)
	}
	if iat, ok := claims.Time("iat"); !ok || iat.After(now.Add(clockSkew)) {
		return nil, fmt.Errorf("%w: the ID token was issued in the future, or does not say when (iat)", errToken)
	}
	if got, _ := claims.Text("nonce"); nonce != "" && subtle.ConstantTimeCompare([]byte(got), []byte(nonce)) != 1 {
		return nil, fmt.Errorf("%w: the ID token is of another login (nonce)", errToken)
	}
	return claims, nil
}

// learnMore asks for what the ID token does not say.
func (f *oidc) learnMore(ctx context.Context, s *session) error {
	if f.kind == "userinfo" {
		if err := f.askUserInfo(ctx, s); err != nil {
			return err
		}
	}
	return f.askGroups(ctx, s)
}

// askUserInfo asks the provider about the user (OpenID Connect Core 1.0, 5.3).
func (f *oidc) askUserInfo(ctx context.Context, s *session) error {
	m, err := f.provider.Metadata(ctx)
	if err != nil {
		return err
	}
	if m.UserinfoEndpoint == "" {
		return fmt.Errorf("the issuer %q names no place to ask about users (userinfo_endpoint): use oauthOidcAnyClaims", f.provider.URL())
	}
	text, err := f.get(ctx, m.UserinfoEndpoint, s.Access, f.opts.ProviderTimeout)
	if err != nil {
		return err
	}
	claims, err := issuer.ParseClaims(text)
	if err != nil {
		return fmt.Errorf("user info: %w", err)
	}
	if sub, _ := claims.Text("sub"); sub != s.Subject {
		return fmt.Errorf("%w: the user info is of another user", errToken)
	}
	var short bytes.Buffer
	if err := json.Compact(&short, text); err != nil {
		return fmt.Errorf("user info: %w", err)
	}
	s.UserInfo = short.Bytes()
	return nil
}

// get asks a service with the user's token.
func (f *oidc) get(ctx context.Context, url, token string, timeout time.Duration) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	a, err := f.house.calls.Do(ctx, timeout, req)
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, fmt.Errorf("GET %q: found the status %d, expected 200", url, a.Status)
	}
	return a.Body, nil
}

// escape writes r as JSON does in ASCII (RFC 8259 7).
func escape(b *strings.Builder, r rune) {
	if r1, r2 := utf16.EncodeRune(r); r1 != 0xfffd {
		fmt.Fprintf(b, `\u%04x\u%04x`, r1, r2)
		return
	}
	fmt.Fprintf(b, `\u%04x`, r)
}
