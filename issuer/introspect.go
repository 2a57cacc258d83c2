package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client is who asks an issuer about tokens. The zero Client is nobody: some
// issuers answer everybody.
type Client struct{ ID, Secret string }

// asked is what introspection is asked by.
type asked [sha256.Size]byte

// Introspect returns what the issuer says of a token (RFC 7662), within timeout.
// Nothing is remembered, because a token may be revoked at any time; requests for
// the same token at the same time are one. The error is ErrToken when it can be none;
// an inactive one is no error.
func (p *Provider) Introspect(ctx context.Context, timeout time.Duration, client Client, token string) (Claims, error) {
	if !askable(token) {
		return nil, fmt.Errorf("%w: it is empty, too long or has characters that no token has", ErrToken)
	}
	token = strings.Clone(token) // the lookup may go on when the request has ended
	key := asked(sha256.Sum256([]byte(strings.Join([]string{p.url, client.ID, client.Secret, token}, "\x00"))))
	return p.book.introspections.Get(ctx, key, func(ctx context.Context) (Claims, time.Time, error) {
		c, err := p.introspect(ctx, timeout, client, token)
		if err != nil && !errors.Is(err, ErrToken) {
			p.complain.of(p.url, err)
		}
		return c, time.Time{}, err
	})
}

func (p *Provider) introspect(ctx context.Context, timeout time.Duration, client Client, token string) (Claims, error) {
	m, err := p.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if m.IntrospectionEndpoint == "" {
		return nil, fmt.Errorf("issuer %q names no introspection service (introspection_endpoint)", p.url)
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequest(http.MethodPost, m.IntrospectionEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if client.ID != "" { // RFC 6749 2.3.1
		req.SetBasicAuth(url.QueryEscape(client.ID), url.QueryEscape(client.Secret))
	}
	a, err := p.book.calls.Do(ctx, timeout, req)
	switch {
	case err != nil:
		return nil, err
	case a.Status == http.StatusBadRequest && blamesToken(a.Body):
		return nil, fmt.Errorf("%w: the introspection service does not take it", ErrToken)
	case a.Status != http.StatusOK:
		// A token that it does not know is none of its errors (RFC 7662 2.2).
		return nil, fmt.Errorf("introspection service: found status %d, expected 200: check who asks it (id and secret)", a.Status)
	}
	return ParseClaims(a.Body)
}

// blamesToken reports whether an error (RFC 6749 5.2, RFC 7009 2.2.1) is about the
// token, and not about who asks or how.
func blamesToken(body []byte) bool {
	var said struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return false
	}
	return said.Error == "invalid_token" || said.Error == "unsupported_token_type"
}
