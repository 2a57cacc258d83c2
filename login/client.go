package login

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"fairlead.dev/fairlead/kit/httpcall"
)

// ErrRefused says that the provider has understood and said no: the code or the
// refresh token is used, expired, revoked or of somebody else. All other errors of
// Client mean that it is not known.
var ErrRefused = errors.New("the provider refuses it")

// Client speaks with the token endpoint of a provider (RFC 6749 3.2) for one
// client id.
type Client struct {
	// Config names the client and the endpoints.
	Config oauth2.Config
	// Calls carries the requests; Timeout bounds each.
	Calls   *httpcall.Client
	Timeout time.Duration
}

// AuthURL returns the URL where the browser logs in. params are added.
func (c *Client) AuthURL(a *Attempt, params url.Values) string {
	opts := []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("code_challenge", a.Challenge()),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"),
		oauth2.SetAuthURLParam("redirect_uri", a.Callback),
	}
	for name := range params {
		opts = append(opts, oauth2.SetAuthURLParam(name, params.Get(name)))
	}
	return c.Config.AuthCodeURL(a.State, opts...)
}

// Exchange turns the code of a login into tokens.
func (c *Client) Exchange(ctx context.Context, a *Attempt, code string, params url.Values) (*oauth2.Token, error) {
	opts := []oauth2.AuthCodeOption{
		oauth2.VerifierOption(a.Verifier),
		oauth2.SetAuthURLParam("redirect_uri", a.Callback),
	}
	for name := range params {
		opts = append(opts, oauth2.SetAuthURLParam(name, params.Get(name)))
	}
	t, err := c.Config.Exchange(WithCalls(ctx, c.Calls, c.Timeout), code, opts...)
	if err != nil {
		return nil, fmt.Errorf("exchange the code: %w", judge(err))
	}
	return t, nil
}

// Refresh turns a refresh token into new tokens. When the provider gives no new
// refresh token, the old one stays.
func (c *Client) Refresh(ctx context.Context, refresh string) (*oauth2.Token, error) {
	src := c.Config.TokenSource(WithCalls(ctx, c.Calls, c.Timeout), &oauth2.Token{RefreshToken: refresh})
	t, err := src.Token()
	if err != nil {
		return nil, fmt.Errorf("refresh the tokens: %w", judge(err))
	}
	return t, nil
}

// Revoke tells the provider to forget a token (RFC 7009). kind is access_token or
// refresh_token. A provider that revokes no tokens of the kind is no error: they
// end by themselves.
func (c *Client) Revoke(ctx context.Context, endpoint, token, kind string) error {
	form := url.Values{"token": {token}, "token_type_hint": {kind}}
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("revoke the %s: %w", kind, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(c.Config.ClientID), url.QueryEscape(c.Config.ClientSecret))
	a, err := c.Calls.Do(ctx, c.Timeout, req)
	if err != nil {
		return fmt.Errorf("revoke the %s: %w", kind, err)
	}
	if a.Status/100 != 2 && !strings.Contains(string(a.Body), "unsupported_token_type") {
		return fmt.Errorf("revoke the %s: found the status %d, expected 200", kind, a.Status)
	}
	return nil
}

// judge tells a refusal from a failure. It keeps nothing of the answer but its
// status and the error code: the rest may be secret.
func judge(err error) error {
	var answered *oauth2.RetrieveError
	if !errors.As(err, &answered) || answered.Response == nil {
		return err
	}
	status, code := answered.Response.StatusCode, printable(answered.ErrorCode)
	if code == "invalid_grant" || code == "access_denied" {
		return fmt.Errorf("%w (status %d, error %q)", ErrRefused, status, code)
	}
	return fmt.Errorf("found the status %d and the error %q, expected tokens: check client id, secret and callback", status, code)
}

// printable is as much of an error code as belongs into a log.
func printable(code string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, code[:min(len(code), 64)])
}

// WithCalls returns a context with which the libraries of OAuth 2 and OpenID
// Connect make their requests through calls. Redirects are answers of no use: what is
// shown to a token endpoint is for nobody else (RFC 9700 4.12).
func WithCalls(ctx context.Context, calls *httpcall.Client, timeout time.Duration) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     carrier{calls, timeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

// carrier is a transport over a client that bounds what it does.
type carrier struct {
	calls   *httpcall.Client
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (c carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	a, err := c.calls.Do(req.Context(), c.timeout, req)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: req,
	}, nil
}
