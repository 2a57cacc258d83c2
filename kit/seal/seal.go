package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Bounds of the secrets of a box.
const (
	// ShortestSecret in bytes: who has a sealed text can try secrets until one
	// opens it, so a word is none.
	ShortestSecret = 16
	// MostSecrets that a box takes.
	MostSecrets = 16
)

const (
	// strong is the length from which a secret is taken for random. Shorter ones
	// may be phrases and are stretched.
	strong  = 32
	stretch = 100_000
	idSize  = 4
	version = 1
	head    = 1 + idSize + chacha20poly1305.NonceSizeX
)

// ErrNotOurs says that a text was not sealed with a secret of the box for that
// purpose, or was changed since.
var ErrNotOurs = errors.New("the text was not sealed here for this purpose, or was changed")

// Box seals and opens.
type Box struct{ keys []key }

type key struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// New returns a box that seals with the first secret and opens with any. It costs
// about 20 ms for each secret of less than 32 bytes. Errors do not show secrets.
func New(secrets ...[]byte) (*Box, error) {
	if len(secrets) == 0 || len(secrets) > MostSecrets {
		return nil, fmt.Errorf("found %d secrets, expected 1 to %d", len(secrets), MostSecrets)
	}
	b := &Box{}
	for i, s := range secrets {
		if len(s) < ShortestSecret {
			return nil, fmt.Errorf("secret %d has %d bytes, expected at least %d random ones", i+1, len(s), ShortestSecret)
		}
		k, err := newKey(s)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		b.keys = append(b.keys, k)
	}
	return b, nil
}

// newKey derives the key of a secret, and a name that tells keys apart and says
// nothing about the secret.
func newKey(secret []byte) (k key, err error) {
	if len(secret) < strong {
		if secret, err = pbkdf2.Key(sha256.New, string(secret), []byte("fairlead seal stretch 1"), stretch, strong); err != nil {
			return k, err
		}
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "fairlead seal key 1", chacha20poly1305.KeySize+idSize)
	if err != nil {
		return k, err
	}
	copy(k.id[:], derived[chacha20poly1305.KeySize:])
	k.aead, err = chacha20poly1305.NewX(derived[:chacha20poly1305.KeySize])
	return k, err
}

// ParseSecrets returns the secrets of a file: one in each line, or separated by
// commas. Blanks around them and empty ones are left out.
func ParseSecrets(text []byte) [][]byte {
	var all [][]byte
	for s := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, []byte(s))
		}
	}
	return all
}

// Seal encrypts plain for a purpose. The text is 4/3 of plain and 60 bytes long.
func (b *Box) Seal(purpose string, plain []byte) string {
	k := &b.keys[0]
	out := make([]byte, head, head+len(plain)+chacha20poly1305.Overhead)
	out[0] = version
	copy(out[1:], k.id[:])
	nonce := out[1+idSize : head]
	_, _ = rand.Read(nonce) // it never fails: the process would have ended
	out = k.aead.Seal(out, nonce, plain, []byte(purpose))
	return base64.RawURLEncoding.EncodeToString(out)
}

// Open decrypts a text of Seal's for the same purpose, or returns ErrNotOurs.
func (b *Box) Open(purpose, text string) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < head+chacha20poly1305.Overhead || sealed[0] != version {
		return nil, ErrNotOurs
	}
	for i := range b.keys {
		k := &b.keys[i]
		if string(k.id[:]) != string(sealed[1:1+idSize]) {
			continue
		}
		plain, err := k.aead.Open(nil, sealed[1+idSize:head], sealed[head:], []byte(purpose))
		if err == nil {
			return plain, nil
		}
	}
	return nil, ErrNotOurs
}
