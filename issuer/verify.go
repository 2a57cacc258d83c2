package issuer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"fairlead.dev/fairlead/filter"
)

const (
	// mostTokenBytes bounds a token.
	mostTokenBytes = 32 << 10
	// leeway is how far the clocks of an issuer may be from ours.
	leeway = 30 * time.Second
)

// ErrToken says that it is the token that is wrong, and not that something could
// not be found out.
var ErrToken = errors.New("the token is not good")

// Expect says what a token must say beside being signed and valid now.
type Expect struct {
	// Issuer is who must have issued it (iss); "" is anybody.
	Issuer string
	// Audience is for whom it must be (aud); "" is anybody.
	Audience string
}

// Claims are what a token says, or what a service says of it: JSON values, with
// numbers as json.Number. Who has them shares them and must not change them.
type Claims map[string]any

// The claims that filters tell the filters behind them, by where they are from.
var (
	// Tokeninfo is what a tokeninfo service said.
	Tokeninfo = filter.NewKey[Claims]("tokeninfo")
	// Introspection is what a service of RFC 7662 said.
	Introspection = filter.NewKey[Claims]("tokenintrospection")
	// Identity is what a verified JWT says, or a login with OpenID Connect gave.
	Identity = filter.NewKey[Claims]("identity")
)

// Text returns a claim that is a string; ok is false when it is not there or
// anything else.
func (c Claims) Text(name string) (value string, ok bool) {
	value, ok = c[name].(string)
	return value, ok
}

// Time returns a claim that is a time in seconds since 1970 (NumericDate, RFC 7519
// 2); ok is false when it is not there or anything else.
func (c Claims) Time(name string) (t time.Time, ok bool) {
	n, ok := c[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := n.Float64()
	if err != nil || math.IsNaN(seconds) || math.Abs(seconds) > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0), true
}

// ParseClaims reads a JSON object.
func ParseClaims(text []byte) (Claims, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var c Claims
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read claims: found more behind the object")
	}
	if c == nil {
		return nil, errors.New("read claims: found null, expected an object")
	}
	return c, nil
}

// algorithms are those that count: signatures with public keys.
var algorithms = [...]jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Verify verifies a token (JWS in its compact form, RFC 7515 7.1) and returns what
// it says. The error is ErrToken when it is the token that is wrong.
func (k *Keys) Verify(ctx context.Context, token string, e Expect) (Claims, error) {
	if len(token) > mostTokenBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrToken, mostTokenBytes)
	}
	s, err := jose.ParseSignedCompact(token, algorithms[:])
	if err != nil || len(s.Signatures) != 1 {
		return nil, fmt.Errorf("%w: it is not signed in a way that counts", ErrToken)
	}
	text, err := k.payload(ctx, s)
	if err != nil {
		return nil, err
	}
	c, err := ParseClaims(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if err := c.check(e, time.Now()); err != nil {
		return nil, err
	}
	return c, nil
}

// check says what is wrong with claims at the time now.
func (c Claims) check(e Expect, now time.Time) error {
	exp, ok := c.Time("exp")
	switch {
	case !ok:
		return fmt.Errorf("%w: it does not say until when it is good (exp)", ErrToken)
	case !now.Before(exp.Add(leeway)):
		return fmt.Errorf("%w: it expired", ErrToken)
	}
	if _, there := c["nbf"]; there {
		if nbf, ok := c.Time("nbf"); !ok || now.Before(nbf.Add(-leeway)) {
			return fmt.Errorf("%w: it is not good yet (nbf)", ErrToken)
		}
	}
	if iss, _ := c.Text("iss"); e.Issuer != "" && iss != e.Issuer {
		return fmt.Errorf("%w: it is of another issuer", ErrToken)
	}
	if e.Audience != "" && !c.isFor(e.Audience) {
		return fmt.Errorf("%w: it is for another audience", ErrToken)
	}
	return nil
}

// isFor reports whether audience is among those of the token: one, or a list (RFC
// 7519 4.1.3).
func (c Claims) isFor(audience string) bool {
	switch aud := c["aud"].(type) {
	case string:
		return aud == audience
	case []any:
		return slices.Contains(aud, any(audience))
	}
	return false
}

// Unverified returns what a token says without believing it.
func Unverified(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > mostTokenBytes || len(parts) != 3 {
		return nil, fmt.Errorf("%w: it is no JWT", ErrToken)
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, fmt.Errorf("%w: it is no JWT", ErrToken)
	}
	c, err := ParseClaims(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return c, nil
}
