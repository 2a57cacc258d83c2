package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer issues tokens. Its fields may be set before the first request.
type Issuer struct {
	// URL is what the issuer calls itself.
	URL string
	// Introspected says what the introspection service says of a token; nil: every
	// token is inactive.
	Introspected func(token string) map[string]any
	// ClientID and ClientSecret are asked for by introspection unless empty.
	ClientID, ClientSecret string
	// Down makes every answer 500.
	Down atomic.Bool
	// Metadata and KeySets count the requests for these documents, Introspections
	// those for introspection.
	Metadata, KeySets, Introspections atomic.Int64

	t      testing.TB
	server *httptest.Server

	mu   sync.Mutex
	keys []jose.JSONWebKey
	next int
}

// New starts an issuer with one key, that ends with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.metadata)
	mux.HandleFunc("GET /keys", i.keySet)
	mux.HandleFunc("POST /introspect", i.introspect)
	i.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.Down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.server.Close)
	i.URL = i.server.URL
	i.Rotate()
	return i
}

// KeysURL returns where the key set is.
func (i *Issuer) KeysURL() string { return i.server.URL + "/keys" }

// Rotate replaces the key by a new one.
func (i *Issuer) Rotate() {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.next++
	i.keys = []jose.JSONWebKey{{Key: key, KeyID: fmt.Sprintf("key%d", i.next), Algorithm: string(jose.ES256), Use: "sig"}}
}

// Show adds keys to the set without signing with them.
func (i *Issuer) Show(keys ...jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, keys...)
}

// Key returns the key that signs.
func (i *Issuer) Key() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0]
}

// Token returns a token that is good for an hour, with these claims beside or
// instead of the usual ones. A nil value leaves a claim out.
func (i *Issuer) Token(claims map[string]any) string {
	i.t.Helper()
	all := map[string]any{
		"iss": i.URL, "sub": "somebody", "aud": "test",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(all)
	if err != nil {
		i.t.Fatal(err)
	}
	key := i.Key()
	return Sign(i.t, jose.SigningKey{Algorithm: jose.ES256, Key: key}, string(text))
}

// Sign returns text signed, in the compact form.
func Sign(t testing.TB, key jose.SigningKey, text string) string {
	t.Helper()
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// Public returns the part of a key that verifies.
func Public(key jose.JSONWebKey) jose.JSONWebKey {
	if s, ok := key.Key.(crypto.Signer); ok {
		key.Key = s.Public()
	}
	return key
}

func (i *Issuer) metadata(w http.ResponseWriter, _ *http.Request) {
	i.Metadata.Add(1)
	i.answer(w, map[string]any{
		"issuer": i.URL, "jwks_uri": i.KeysURL(), "introspection_endpoint": i.server.URL + "/introspect",
	})
}

func (i *Issuer) keySet(w http.ResponseWriter, _ *http.Request) {
	i.KeySets.Add(1)
	i.mu.Lock()
	defer i.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, key := range i.keys {
		set.Keys = append(set.Keys, Public(key))
	}
	i.answer(w, set)
}

func (i *Issuer) introspect(w http.ResponseWriter, r *http.Request) {
	i.Introspections.Add(1)
	if i.ClientID != "" {
		id, secret, _ := r.BasicAuth()
		if id != url.QueryEscape(i.ClientID) || secret != url.QueryEscape(i.ClientSecret) { // RFC 6749 2.3.1
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	said := map[string]any{"active": false}
	if i.Introspected != nil {
		said = i.Introspected(r.PostForm.Get("token"))
	}
	i.answer(w, said)
}

func (i *Issuer) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		i.t.Errorf("answer: %v", err)
	}
}
