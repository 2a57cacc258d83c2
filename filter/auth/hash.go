package auth

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	stdhash "hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// hashKind is how a password was hashed.
type hashKind uint8

const (
	noHash      hashKind = iota
	bcryptHash           // $2a$, $2b$, $2y$
	apr1Hash             // $apr1$, of Apache
	md5Hash              // $1$
	sha1Hash             // {SHA}
	sha256Crypt          // $5$
	sha512Crypt          // $6$
)

const (
	// mostCost bounds bcrypt: 15 takes two seconds.
	mostCost = 15
	// mostRounds bounds sha256-crypt and sha512-crypt in the same way.
	mostRounds     = 1_000_000
	standardRounds = 5000
)

// hash is a hashed password.
type hash struct {
	kind   hashKind
	text   string // as in the file
	salt   string
	sum    string // what follows the salt
	rounds int
}

var errHash = errors.New("found a hash of an unknown kind, expected bcrypt (htpasswd -B), MD5 (htpasswd -m), SHA-1, SHA-256 or SHA-512; plain passwords and crypt are not taken")

// parseHash reads what stands behind the name of a user. Errors do not repeat it.
func parseHash(text string) (hash, error) {
	h := hash{text: text}
	parts := strings.Split(text, "$")
	switch {
	case strings.HasPrefix(text, "{SHA}"):
		sum, err := base64.StdEncoding.DecodeString(text[len("{SHA}"):])
		if err != nil || len(sum) != sha1.Size {
			return hash{}, errors.New("found a hash of SHA-1 that is cut")
		}
		h.kind, h.sum = sha1Hash, string(sum)
		return h, nil
	case strings.HasPrefix(text, "$2"):
		cost, err := bcrypt.Cost([]byte(text))
		if err != nil || len(text) != 60 {
			return hash{}, errors.New("found a hash of bcrypt that is cut")
		}
		if cost > mostCost {
			return hash{}, fmt.Errorf("found bcrypt with cost %d, expected at most %d: each check takes twice as long with one more", cost, mostCost)
		}
		h.kind = bcryptHash
		return h, nil
	case len(parts) < 4 || parts[0] != "":
		return hash{}, errHash
	case parts[1] == "apr1" || parts[1] == "1":
		return h.parseMD5(parts)
	case parts[1] == "5" || parts[1] == "6":
		return h.parseSHA(parts)
	}
	return hash{}, errHash
}

func (h hash) parseMD5(parts []string) (hash, error) {
	if len(parts) != 4 || len(parts[2]) > 8 || len(parts[3]) != 22 {
		return hash{}, errors.New("found a hash of MD5 that is cut")
	}
	h.kind, h.salt, h.sum = md5Hash, parts[2], parts[3]
	if parts[1] == "apr1" {
		h.kind = apr1Hash
	}
	return h, nil
}

func (h hash) parseSHA(parts []string) (hash, error) {
	kind, size := sha256Crypt, 43
	if parts[1] == "6" {
		kind, size = sha512Crypt, 86
	}
	h.kind, h.rounds = kind, standardRounds
	if text, ok := strings.CutPrefix(parts[2], "rounds="); ok && len(parts) == 5 {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 || n > mostRounds {
			return hash{}, fmt.Errorf("found %q for the rounds, expected a number from 1000 to %d", text, mostRounds)
		}
		h.rounds = n
		parts = parts[1:]
	}
	if len(parts) != 4 || len(parts[2]) > 16 || len(parts[3]) != size {
		return hash{}, errors.New("found a hash of SHA-256 or SHA-512 that is cut")
	}
	h.salt, h.sum = parts[2], parts[3]
	return h, nil
}

// matches reports whether password was hashed to h.
func (h hash) matches(password string) bool {
	got := ""
	switch h.kind {
	case bcryptHash:
		return bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password)) == nil
	case sha1Hash:
		sum := sha1.Sum([]byte(password))
		got = string(sum[:])
	case apr1Hash:
		got = md5Crypt(password, h.salt, "$apr1$")
	case md5Hash:
		got = md5Crypt(password, h.salt, "$1$")
	case sha256Crypt:
		got = encode64(order256[:], shaCrypt(sha256.New, password, h.salt, h.rounds))
	case sha512Crypt:
		got = encode64(order512[:], shaCrypt(sha512.New, password, h.salt, h.rounds))
	default:
		return false
	}
	return subtle.ConstantTimeCompare([]byte(got), []byte(h.sum)) == 1
}

// md5Crypt is the hash of FreeBSD's crypt with MD5, and with another magic that of
// Apache.
func md5Crypt(password, salt, magic string) string {
	p, s := []byte(password), []byte(salt)
	inner := md5.Sum([]byte(password + salt + password))
	a := md5.New()
	a.Write([]byte(password + magic + salt))
	for n := len(p); n > 0; n -= md5.Size {
		a.Write(inner[:min(n, md5.Size)])
	}
	for n := len(p); n > 0; n >>= 1 {
		if n&1 == 1 {
			a.Write([]byte{0})
		} else {
			a.Write(p[:1])
		}
	}
	sum := a.Sum(nil)
	for i := range 1000 {
		sum = stretch(md5.New(), i, sum, p, s)
	}
	return encode64(orderMD5[:], sum)
}

// stretch is round i of the hashes of crypt: which parts come in depends on i.
func stretch(h stdhash.Hash, i int, sum, password, salt []byte) []byte {
	first, last := sum, password
	if i&1 == 1 {
		first, last = password, sum
	}
	h.Write(first)
	if i%3 != 0 {
		h.Write(salt)
	}
	if i%7 != 0 {
		h.Write(password)
	}
	h.Write(last)
	return h.Sum(nil)
}

// shaCrypt is crypt with SHA-256 or SHA-512 (Drepper, "Unix crypt using SHA-256 and
// SHA-512").
func shaCrypt(newHash func() stdhash.Hash, password, salt string, rounds int) []byte {
	b := newHash()
	b.Write([]byte(password + salt + password))
	inner := b.Sum(nil)
	a := newHash()
	a.Write([]byte(password + salt))
	a.Write(repeat(inner, len(password)))
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			a.Write(inner)
		} else {
			a.Write([]byte(password))
		}
	}
	sum := a.Sum(nil)
	dp := newHash()
	for range len(password) {
		dp.Write([]byte(password))
	}
	p := repeat(dp.Sum(nil), len(password))
	ds := newHash()
	for range 16 + int(sum[0]) {
		ds.Write([]byte(salt))
	}
	s := repeat(ds.Sum(nil), len(salt))
	for i := range rounds {
		sum = stretch(newHash(), i, sum, p, s)
	}
	return sum
}

// repeat returns n bytes of b, again and again.
func repeat(b []byte, n int) []byte {
	out := make([]byte, 0, n)
	for len(out) < n {
		out = append(out, b[:min(len(b), n-len(out))]...)
	}
	return out
}

// The orders in which crypt writes the bytes of a sum, three of them as four
// letters; -1 is none.
var (
	orderMD5 = [...]int{0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, -1, -1, 11}
	order256 = [...]int{
		0, 10, 20, 21, 1, 11, 12, 22, 2, 3, 13, 23, 24, 4, 14, 15, 25, 5, 6, 16, 26, 27, 7, 17, 18, 28, 8, 9, 19, 29, -1, 31, 30,
	}
	order512 = [...]int{
		0, 21, 42, 22, 43, 1, 44, 2, 23, 3, 24, 45, 25, 46, 4, 47, 5, 26, 6, 27, 48, 28, 49, 7, 50, 8, 29, 9, 30, 51, 31, 52, 10,
		53, 11, 32, 12, 33, 54, 34, 55, 13, 56, 14, 35, 15, 36, 57, 37, 58, 16, 59, 17, 38, 18, 39, 60, 40, 61, 19, 62, 20, 41, -1, -1, 63,
	}
)

// encode64 writes sum in the letters of crypt, least significant first.
func encode64(order []int, sum []byte) string {
	const letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var b strings.Builder
	for i := 0; i < len(order); i += 3 {
		v, n := 0, 1
		for _, at := range order[i : i+3] {
			v <<= 8
			if at >= 0 {
				v |= int(sum[at])
				n++
			}
		}
		for range n {
			b.WriteByte(letters[v&0x3f])
			v >>= 6
		}
	}
	return b.String()
}
