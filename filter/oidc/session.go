package oidc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/login"
)

// keptAge is how long a browser keeps a session that can be renewed.
const keptAge = 30 * 24 * time.Hour

// session is what is known about a user. It is kept by the browser, sealed.
type session struct {
	Subject string `json:"s"`
	// IDToken was verified when it came.
	IDToken string `json:"i"`
	Access  string `json:"a,omitempty"`
	Type    string `json:"t,omitempty"`
	Refresh string `json:"r,omitempty"`
	// AccessExpires and Expires in Unix seconds; AccessExpires is 0 when the
	// provider did not say.
	AccessExpires int64 `json:"x,omitempty"`
	Expires       int64 `json:"e"`
	// UserInfo is what the provider's user info endpoint said.
	UserInfo json.RawMessage `json:"u,omitempty"`
	// More are claims that the ID token leaves to others to say, an object.
	More json.RawMessage `json:"m,omitempty"`
}

// parseSession returns nil when there is none.
func parseSession(plain []byte) *session {
	s := &session{}
	if plain == nil || json.Unmarshal(plain, s) != nil || s.Subject == "" {
		return nil
	}
	return s
}

func (s *session) over(now time.Time) bool { return now.Unix() >= s.Expires }

// claims returns what the ID token says, an object.
func (s *session) claims() []byte {
	claims := payload(s.IDToken)
	if len(s.More) <= len("{}") || len(claims) <= len("{}") {
		return claims
	}
	// Of two members with one name the first counts: for gjson, which reads them.
	joined := append(bytes.TrimRight(bytes.Clone(s.More), "} \n"), ',')
	return append(joined, bytes.TrimLeft(claims, "{ \n")...)
}

// payload returns what a JWT says (RFC 7519 3). It was verified before.
func payload(jwt string) []byte {
	_, rest, _ := strings.Cut(jwt, ".")
	part, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(text)
}

// has reports whether the user has a claim, given as a path.
func (s *session) has(claims []byte, path string) bool {
	return gjson.GetBytes(claims, path).Exists() || s.UserInfo != nil && gjson.GetBytes(s.UserInfo, path).Exists()
}

func anyClaim(s *session, paths []string) bool {
	claims := s.claims()
	for _, p := range paths {
		if s.has(claims, p) {
			return true
		}
	}
	return len(paths) == 0
}

func allClaims(s *session, paths []string) bool {
	claims := s.claims()
	for _, p := range paths {
		if !s.has(claims, p) {
			return false
		}
	}
	return true
}

// keep puts the session into cookies.
func (f *oidc) keep(visit *login.Visit, s *session) error {
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	age := time.Until(time.Unix(s.Expires, 0))
	if s.Refresh != "" {
		age = max(age, keptAge)
	}
	return visit.Keep(plain, age)
}

// renew returns a new session for one that is over, nil when the user has to log
// in again. The error says that it is not known. Those who come with the same
// session at the same time, or a moment later, get the same new one: a refresh
// token that is used twice looks stolen (RFC 9700 4.14.2).
func (f *oidc) renew(c *filter.Context, visit *login.Visit, old *session) (*session, error) {
	if old.Refresh == "" {
		return nil, nil
	}
	key := sha256.Sum256([]byte(f.purpose + " " + old.Refresh))
	s, err := f.house.renewed.Get(c.Context(), key, func(ctx context.Context) (*session, time.Time, error) {
		s, err := f.refreshed(ctx, old)
		return s, time.Now().Add(rememberRenewed), err
	})
	switch {
	case errors.Is(err, login.ErrRefused), errors.Is(err, errToken):
		f.log.Debug("a session was not renewed", "reason", err)
		visit.Forget()
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s, f.keep(visit, s)
}

func (f *oidc) refreshed(ctx context.Context, old *session) (*session, error) {
	client, err := f.client(ctx)
	if err != nil {
		return nil, err
	}
	t, err := client.Refresh(ctx, old.Refresh)
	if err != nil {
		return nil, err
	}
	return f.session(ctx, client, t, "", old)
}

// document is what the backend may be told, as JSON.
type document struct {
	OAuth2Token struct {
		AccessToken string    `json:"access_token"`
		TokenType   string    `json:"token_type,omitempty"`
		Expiry      time.Time `json:"expiry,omitzero"`
	} `json:"oauth2token"`
	IDToken  string          `json:"oidctoken"`
	UserInfo json.RawMessage `json:"userInfo,omitempty"`
	Subject  string          `json:"subject"`
	Claims   json.RawMessage `json:"claims"`
}

// stripFields takes off what only this filter says.
func (f *oidc) stripFields(c *filter.Context) {
	c.Request.Header.DelVariants(infoField)
	for _, h := range f.headers {
		c.Request.Header.DelVariants(h.name)
	}
}

// tellBackend writes the fields of the route, or all there is to know.
func (f *oidc) tellBackend(c *filter.Context, s *session) {
	d := document{IDToken: s.IDToken, UserInfo: s.UserInfo, Subject: s.Subject, Claims: s.claims()}
	d.OAuth2Token.AccessToken, d.OAuth2Token.TokenType = s.Access, s.Type
	if s.AccessExpires != 0 {
		d.OAuth2Token.Expiry = time.Unix(s.AccessExpires, 0).UTC()
	}
	text, err := json.Marshal(d)
	if err != nil {
		f.log.Debug("what the ID token says is no JSON", "error", err)
		return
	}
	if len(f.headers) == 0 {
		c.Request.Header.Set(infoField, ascii(text))
		return
	}
	for _, h := range f.headers {
		found := gjson.GetBytes(text, h.query)
		if value := found.String(); found.Exists() && filter.ValidFieldValue(value) {
			c.Request.Header.Set(h.name, value)
		}
	}
}

// ascii writes JSON with escapes in place of what is not ASCII, which not every
// server takes in a field (RFC 9110 5.5).
func ascii(text []byte) string {
	var b strings.Builder
	b.Grow(len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r < utf8.RuneSelf {
			b.WriteByte(text[0])
		} else {
			escape(&b, r)
		}
		text = text[n:]
	}
	return b.String()
}
