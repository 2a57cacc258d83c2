package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead.dev/fairlead/kit/httpcall"
)

// Metadata is what an issuer says of itself (OpenID Connect Discovery 1.0, section
// 3; RFC 8414, section 2).
type Metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	UserinfoEndpoint      string `json:"userinfo_endpoint"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`
	EndSessionEndpoint    string `json:"end_session_endpoint"`
	KeysURL               string `json:"jwks_uri"`
	// TokenAuthMethods are the ways in which clients may show who they are.
	TokenAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	// NamesItself says that answers to logins name the issuer (RFC 9207 3).
	NamesItself bool `json:"authorization_response_iss_parameter_supported"`
}

// Provider is one issuer.
type Provider struct {
	book *Book
	url  string
	doc  document[Metadata]

	complain complaints // about introspection
}

func newProvider(b *Book, url string) *Provider {
	p := &Provider{book: b, url: url, complain: complaints{log: b.log}}
	where := strings.TrimSuffix(url, "/") + "/.well-known/openid-configuration"
	p.doc = document[Metadata]{
		book: b, url: where, fresh: time.Hour,
		load: func() (*Metadata, error) { return fetch(b, where, p.parse) },
	}
	return p
}

// URL returns the URL by which the issuer was asked for.
func (p *Provider) URL() string { return p.url }

// Metadata returns what the issuer says of itself. It must not be changed.
func (p *Provider) Metadata(ctx context.Context) (*Metadata, error) { return p.doc.get(ctx) }

// Keys returns the keys of the issuer.
func (p *Provider) Keys(ctx context.Context) (*Keys, error) {
	m, err := p.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if m.KeysURL == "" {
		return nil, fmt.Errorf("issuer %q names no keys (jwks_uri)", p.url)
	}
	return p.book.Keys(m.KeysURL), nil
}

// Verify verifies a token of this issuer. Expect.Issuer is set by it.
func (p *Provider) Verify(ctx context.Context, token string, e Expect) (Claims, error) {
	k, err := p.Keys(ctx)
	if err != nil {
		return nil, err
	}
	m, err := p.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	e.Issuer = m.Issuer
	return k.Verify(ctx, token, e)
}

func (p *Provider) parse(text []byte) (*Metadata, error) {
	m := &Metadata{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read the metadata of issuer %q: %w", p.url, err)
	}
	if strings.TrimSuffix(m.Issuer, "/") != strings.TrimSuffix(p.url, "/") {
		return nil, fmt.Errorf("found the metadata of issuer %q, expected those of %q: write the issuer as it calls itself", m.Issuer, p.url)
	}
	for _, u := range []string{m.AuthorizationEndpoint, m.KeysURL, m.IntrospectionEndpoint, m.TokenEndpoint, m.UserinfoEndpoint, m.RevocationEndpoint} {
		if err := p.trusts(u); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (p *Provider) trusts(u string) error {
	if u == "" {
		return nil
	}
	if _, err := httpcall.CheckURL(u); err != nil {
		return fmt.Errorf("metadata of issuer %q: %w", p.url, err)
	}
	if strings.HasPrefix(p.url, "https:") && !strings.HasPrefix(u, "https:") {
		return errors.New("metadata of issuer \"" + p.url + "\": found a service without TLS, expected https as the issuer has it")
	}
	return nil
}
