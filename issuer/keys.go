package issuer

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// mostKeys bounds a key set.
	mostKeys = 200
	// leastRSABits: shorter RSA keys are not believed (RFC 7518 3.3).
	leastRSABits = 2048
	// mostTried bounds how many keys are tried for a token that names none.
	mostTried = 16
)

// Keys is a key set that is kept as its URL says.
type Keys struct {
	url string
	doc document[[]jose.JSONWebKey]
}

func newKeys(b *Book, url string) *Keys {
	k := &Keys{url: url}
	k.doc = document[[]jose.JSONWebKey]{
		book: b, url: url, fresh: 15 * time.Minute,
		load: func() (*[]jose.JSONWebKey, error) { return fetch(b, url, parseKeys) },
	}
	return k
}

// URL returns where the keys are from.
func (k *Keys) URL() string { return k.url }

// parseKeys returns the public keys of a set that can verify signatures. Others
// are left out (RFC 7517 5); a set without any is an error.
func parseKeys(text []byte) (*[]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("read a key set: %w", err)
	}
	if len(set.Keys) > mostKeys {
		return nil, fmt.Errorf("found a key set with %d keys, expected at most %d", len(set.Keys), mostKeys)
	}
	good := make([]jose.JSONWebKey, 0, len(set.Keys))
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err != nil || !usable(&key) {
			continue
		}
		good = append(good, key)
	}
	if len(good) == 0 {
		return nil, fmt.Errorf("found a key set with %d keys, of which none verifies signatures", len(set.Keys))
	}
	return &good, nil
}

func usable(key *jose.JSONWebKey) bool {
	if !key.IsPublic() || !key.Valid() || (key.Use != "" && key.Use != "sig") {
		return false
	}
	if r, ok := key.Key.(*rsa.PublicKey); ok && r.N.BitLen() < leastRSABits {
		return false
	}
	return true
}

// candidates returns the keys that may have signed a token with this header.
func candidates(all []jose.JSONWebKey, h jose.Header) []jose.JSONWebKey {
	var some []jose.JSONWebKey
	for _, key := range all {
		if h.KeyID != "" && key.KeyID != h.KeyID {
			continue
		}
		if key.Algorithm != "" && key.Algorithm != h.Algorithm {
			continue
		}
		if some = append(some, key); len(some) == mostTried {
			break
		}
	}
	return some
}

// payload returns what the token has signed, if one of the keys did.
func (k *Keys) payload(ctx context.Context, s *jose.JSONWebSignature) ([]byte, error) {
	h := s.Signatures[0].Protected
	all, err := k.doc.get(ctx)
	if err != nil {
		return nil, err
	}
	some := candidates(*all, h)
	if len(some) == 0 {
		// A key that is not known: the set may have changed.
		if all, err = k.doc.news(ctx); err != nil {
			return nil, err
		}
		some = candidates(*all, h)
	}
	for i := range some {
		if text, err := s.Verify(&some[i]); err == nil {
			return text, nil
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("%w: it is signed with a key that its issuer does not show", ErrToken)
	}
	return nil, fmt.Errorf("%w: its signature is wrong", ErrToken)
}
