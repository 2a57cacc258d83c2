package issuer_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/issuer/issuertest"
)

func newBook(t testing.TB) *issuer.Book {
	t.Helper()
	env := filter.NewEnv(nil, nil)
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return issuer.In(env)
}

func newRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func unsigned(header, payload string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "."
}

func TestVerifyClaims(t *testing.T) {
	idp, book := issuertest.New(t), newBook(t)
	p := book.Provider(idp.URL)
	now := time.Now()
	for name, tt := range map[string]struct {
		claims   map[string]any
		audience string
		want     string // "" is good
	}{
		"good":                     {},
		"audience":                 {audience: "test"},
		"one of the audiences":     {claims: map[string]any{"aud": []string{"a", "test"}}, audience: "test"},
		"none of the audiences":    {claims: map[string]any{"aud": []string{"a", "b"}}, audience: "test", want: "audience"},
		"another audience":         {audience: "tes", want: "audience"},
		"no audience":              {claims: map[string]any{"aud": nil}, audience: "test", want: "audience"},
		"odd audience":             {claims: map[string]any{"aud": 7}, audience: "test", want: "audience"},
		"another issuer":           {claims: map[string]any{"iss": "https://other.example.org"}, want: "another issuer"},
		"no issuer":                {claims: map[string]any{"iss": nil}, want: "another issuer"},
		"expired":                  {claims: map[string]any{"exp": now.Add(-time.Minute).Unix()}, want: "expired"},
		"expired within leeway":    {claims: map[string]any{"exp": now.Add(-10 * time.Second).Unix()}},
		"no expiry":                {claims: map[string]any{"exp": nil}, want: "until when"},
		"expiry is a string":       {claims: map[string]any{"exp": "9999999999"}, want: "until when"},
		"expiry far out":           {claims: map[string]any{"exp": 1e300}, want: "until when"},
		"expiry with fraction":     {claims: map[string]any{"exp": float64(now.Unix()) + 100.5}},
		"not yet":                  {claims: map[string]any{"nbf": now.Add(time.Minute).Unix()}, want: "not good yet"},
		"not yet, but in leeway":   {claims: map[string]any{"nbf": now.Add(10 * time.Second).Unix()}},
		"not before is no time":    {claims: map[string]any{"nbf": "soon"}, want: "not good yet"},
		"extra claims are allowed": {claims: map[string]any{"x": map[string]any{"y": 1}}},
	} {
		c, err := p.Verify(t.Context(), idp.Token(tt.claims), issuer.Expect{Audience: tt.audience})
		switch {
		case tt.want == "" && (err != nil || c["sub"] != "somebody"):
			t.Errorf("%s: got %v, %v", name, c, err)
		case tt.want != "" && (!errors.Is(err, issuer.ErrToken) || !strings.Contains(err.Error(), tt.want) || c != nil):
			t.Errorf("%s: got %v, %v", name, c, err)
		}
	}
	if n := idp.KeySets.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// Tokens that are signed in ways that must not count.
func TestVerifySignatures(t *testing.T) {
	idp, book := issuertest.New(t), newBook(t)
	strong, weak := newRSA(t, 2048), newRSA(t, 1024)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	idp.Show(
		jose.JSONWebKey{Key: strong, KeyID: "rsa"},
		jose.JSONWebKey{Key: weak, KeyID: "weak"},
		jose.JSONWebKey{Key: ed, KeyID: "ed"},
		jose.JSONWebKey{Key: newRSA(t, 2048), KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "oct"},
	)
	payload := fmt.Sprintf(`{"iss":%q,"sub":"x","exp":%d}`, idp.URL, time.Now().Add(time.Hour).Unix())
	sign := func(alg jose.SignatureAlgorithm, key any, kid string) string {
		return issuertest.Sign(t, jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, payload)
	}
	es := idp.Key()
	good := idp.Token(nil)
	parts := strings.Split(good, ".")
	publicBytes := strong.PublicKey.N.Bytes()
	for name, tt := range map[string]struct {
		token string
		good  bool
	}{
		"ES256":                       {good, true},
		"ES256 without a name":        {sign(jose.ES256, es.Key, ""), true},
		"RS256":                       {sign(jose.RS256, strong, "rsa"), true},
		"RS512":                       {sign(jose.RS512, strong, "rsa"), true},
		"PS256":                       {sign(jose.PS256, strong, "rsa"), true},
		"EdDSA":                       {sign(jose.EdDSA, ed, "ed"), true},
		"HMAC with the public key":    {sign(jose.HS256, publicBytes, "rsa"), false},
		"HMAC with a shown secret":    {sign(jose.HS256, []byte("0123456789abcdef0123456789abcdef"), "oct"), false},
		"short RSA key":               {sign(jose.RS256, weak, "weak"), false},
		"key of others":               {sign(jose.RS256, newRSA(t, 2048), "rsa"), false},
		"key of another name":         {sign(jose.ES256, es.Key, "rsa"), false},
		"key that is not shown":       {sign(jose.ES256, es.Key, "unknown"), false},
		"none":                        {unsigned(`{"alg":"none"}`, payload), false},
		"none, with a key":            {unsigned(`{"alg":"none","kid":"rsa"}`, payload), false},
		"no algorithm":                {unsigned(`{}`, payload), false},
		"signature of another text":   {parts[0] + "." + parts[1] + "x." + parts[2], false},
		"no signature":                {parts[0] + "." + parts[1] + ".", false},
		"two parts":                   {parts[0] + "." + parts[1], false},
		"five parts":                  {good + ".a.b", false},
		"JSON form":                   {`{"payload":"","signatures":[]}`, false},
		"unknown critical parameter":  {issuertest.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: es}, payload)[:10], false},
		"empty":                       {"", false},
		"too long":                    {good + strings.Repeat("a", 64<<10), false},
		"no claims but a list":        {issuertest.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: es}, "[1]"), false},
		"null":                        {issuertest.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: es}, "null"), false},
		"more behind the claims":      {issuertest.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: es}, payload+"{}"), false},
		"key named in the token only": {embedded(t, payload), false},
	} {
		_, err := book.Provider(idp.URL).Verify(t.Context(), tt.token, issuer.Expect{})
		if tt.good != (err == nil) || err != nil && !errors.Is(err, issuer.ErrToken) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && len(tt.token) > 5 && strings.Contains(err.Error(), tt.token[:5]) {
			t.Errorf("%s: the error has the token: %v", name, err)
		}
	}
	if n := idp.KeySets.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// embedded is signed with a key that the token brings along.
func embedded(t *testing.T, payload string) string {
	t.Helper()
	key := newRSA(t, 2048)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Keys change: a token of the new key is good at once, tokens of the old one are
// refused, and made-up keys do not cause requests.
func TestRotation(t *testing.T) {
	idp, book := issuertest.New(t), newBook(t)
	p := book.Provider(idp.URL)
	old := idp.Token(nil)
	if _, err := p.Verify(t.Context(), old, issuer.Expect{}); err != nil {
		t.Fatal(err)
	}
	idp.Rotate()
	// The set was fetched just now: for ten seconds it is not fetched again.
	if _, err := p.Verify(t.Context(), idp.Token(nil), issuer.Expect{}); !errors.Is(err, issuer.ErrToken) {
		t.Errorf("got %v", err)
	}
	if n := idp.KeySets.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestUnavailable(t *testing.T) {
	idp, book := issuertest.New(t), newBook(t)
	idp.Down.Store(true)
	token := idp.Token(nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := book.Provider(idp.URL).Verify(t.Context(), token, issuer.Expect{})
			if err == nil || errors.Is(err, issuer.ErrToken) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := book.Keys(idp.KeysURL()).Verify(ctx, token, issuer.Expect{}); err == nil || errors.Is(err, issuer.ErrToken) {
		t.Errorf("got %v", err)
	}
}

func TestMetadataIsChecked(t *testing.T) {
	idp, book := issuertest.New(t), newBook(t)
	where := idp.URL
	idp.URL = "https://somebody.example.org"
	_, err := book.Provider(where).Metadata(t.Context())
	if err == nil || !strings.Contains(err.Error(), `"https://somebody.example.org"`) {
		t.Errorf("got %v", err)
	}
}

func TestUnverified(t *testing.T) {
	idp := issuertest.New(t)
	c, err := issuer.Unverified(idp.Token(map[string]any{"n": 12345678901234567}))
	if sub, ok := c.Text("sub"); err != nil || sub != "somebody" || !ok || fmt.Sprint(c["n"]) != "12345678901234567" {
		t.Errorf("got %v, %v", c, err)
	}
	for _, text := range []string{"", "a", "a.b", "a.b.c", "a.!.c", "..", "a." + base64.RawURLEncoding.EncodeToString([]byte("1")) + ".c"} {
		if c, err := issuer.Unverified(text); !errors.Is(err, issuer.ErrToken) {
			t.Errorf("%q: got %v, %v", text, c, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	idp, book := issuertest.New(f), newBook(f)
	good := idp.Token(nil)
	f.Add(good)
	f.Add("a.b.c")
	f.Add(unsigned(`{"alg":"none"}`, `{}`))
	f.Fuzz(func(t *testing.T, token string) {
		_, _ = issuer.Unverified(token)
		c, err := book.Keys(idp.KeysURL()).Verify(t.Context(), token, issuer.Expect{})
		if err == nil && token != good && c["sub"] != "somebody" {
			t.Errorf("%q is good: %v", token, c)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	idp, book := issuertest.New(b), newBook(b)
	token, p := idp.Token(nil), book.Provider(idp.URL)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Verify(b.Context(), token, issuer.Expect{}); err != nil {
			b.Fatal(err)
		}
	}
}
