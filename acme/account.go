package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	ca "github.com/mholt/acmez/v3/acme"
)

// storedAccount is what we keep of an account at the CA.
type storedAccount struct {
	Location string `json:"location"` // its URL, which is its name (RFC 8555 section 7.3)
	Key      string `json:"key"`      // PEM
}

// account returns our account at the CA: the one in use, the stored one, or a
// new one. gone is the location of one that the CA knows no more.
func (m *Manager) account(ctx context.Context, client *ca.Client, gone string) (ca.Account, error) {
	unlock, err := m.lock(ctx, m.folder+"/account.json")
	if err != nil {
		return ca.Account{}, err
	}
	defer unlock()

	key := m.folder + "/account.json"
	a, err := m.loadAccount(ctx, key)
	switch {
	case err != nil:
		return ca.Account{}, err
	case a.PrivateKey == nil:
		return m.newAccount(ctx, client, key, ca.Account{})
	case a.Location == gone:
		return m.replaceAccount(ctx, client, key, a)
	}
	return a, nil
}

// loadAccount returns the stored account; without a key when there is none.
func (m *Manager) loadAccount(ctx context.Context, key string) (ca.Account, error) {
	text, err := m.storage.Load(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return ca.Account{}, nil
	}
	if err != nil {
		return ca.Account{}, err
	}
	var s storedAccount
	err = json.Unmarshal(text, &s)
	if err == nil && s.Location == "" {
		err = errors.New("found no location")
	}
	a := ca.Account{Status: ca.StatusValid, Location: s.Location}
	if err == nil {
		a.PrivateKey, err = decodeKey([]byte(s.Key))
	}
	if err != nil {
		return ca.Account{}, m.putAside(ctx, key, text, err)
	}
	return a, nil
}

// replaceAccount is for an account that the CA refuses: it lost it, then the
// same key gets a new one, or it was deactivated, then only a new key does.
func (m *Manager) replaceAccount(ctx context.Context, client *ca.Client, key string, old ca.Account) (ca.Account, error) {
	m.log.Warn("the CA does not know our account any more; it gets a new one", "ca", m.values.Directory, "account", old.Location)
	a, err := m.newAccount(ctx, client, key, ca.Account{PrivateKey: old.PrivateKey})
	if isProblem(err, ca.ProblemTypeUnauthorized) || err == nil && a.Location == old.Location {
		return m.newAccount(ctx, client, key, ca.Account{})
	}
	return a, err
}

// newAccount registers an account, with a new key if it has none, and stores it.
func (m *Manager) newAccount(ctx context.Context, client *ca.Client, key string, a ca.Account) (ca.Account, error) {
	if a.PrivateKey == nil {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return a, err
		}
		a.PrivateKey = k
	}
	a.TermsOfServiceAgreed = m.values.AgreeTerms
	if m.values.Email != "" {
		a.Contact = []string{"mailto:" + m.values.Email}
	}
	if m.values.EABKeyID != "" {
		eab := ca.EAB{KeyID: m.values.EABKeyID, MACKey: m.values.EABHMAC}
		if err := a.SetExternalAccountBinding(ctx, client, eab); err != nil {
			return a, fmt.Errorf("bind the account: %w", err)
		}
	}
	made, err := client.NewAccount(ctx, a)
	if err != nil {
		return a, fmt.Errorf("register an account: %w", err)
	}
	made.PrivateKey, made.Status = a.PrivateKey, ca.StatusValid
	pem, err := encodeKey(a.PrivateKey)
	if err != nil {
		return made, err
	}
	text, err := json.Marshal(storedAccount{Location: made.Location, Key: string(pem)})
	if err != nil {
		return made, err
	}
	// Without a stored account nothing is ordered: each start would register one.
	if err := m.storage.Store(ctx, key, text); err != nil {
		return made, err
	}
	m.log.Info("registered an account", "ca", m.values.Directory, "account", made.Location)
	return made, nil
}
