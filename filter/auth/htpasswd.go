package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/memo"
)

// users are those of a file of htpasswd, by name.
type users struct {
	hashes map[string]hash
	// stand is checked for names that are not there, so that it takes as long.
	stand hash
}

const mostUsers = 100_000

// parseUsers reads a file of htpasswd: a line "name:hash" for each user, of which
// the first counts. Empty lines and those that begin with "#" are left out.
func parseUsers(text []byte) (users, error) {
	u := users{hashes: map[string]hash{}}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		s := strings.TrimSpace(string(line))
		if s == "" || s[0] == '#' {
			continue
		}
		name, rest, ok := strings.Cut(s, ":")
		if !ok || name == "" {
			return users{}, fmt.Errorf("line %d: expected name:hash, as htpasswd writes it", n)
		}
		h, err := parseHash(rest)
		if err != nil {
			return users{}, fmt.Errorf("line %d: user %q: %w", n, name, err)
		}
		if _, twice := u.hashes[name]; !twice {
			u.hashes[name] = h
		}
		if u.stand.kind == noHash {
			u.stand = h
		}
		if len(u.hashes) > mostUsers {
			return users{}, fmt.Errorf("line %d: found more than %d users", n, mostUsers)
		}
	}
	return u, nil
}

const (
	// mostPassed bounds the passwords that are remembered to be right.
	mostPassed = 10_000
	// passedFor is how long they are.
	passedFor = 10 * time.Minute
	// mostChecks bounds the passwords that wait to be checked: more are refused, for
	// each takes much time on purpose.
	mostChecks = 64
)

var errWrongPassword = errors.New("the password is wrong")

// passwords checks passwords for all filters of a process, and remembers for a
// while which were right: by a keyed hash, so that memory has none of them.
type passwords struct {
	memo  *memo.Memo[[sha256.Size]byte, struct{}]
	key   [32]byte
	turns chan struct{} // one for each processor
}

type passwordsKey struct{}

func passwordsIn(env *filter.Env) *passwords {
	return env.Shared(passwordsKey{}, func() any {
		p := &passwords{
			memo:  memo.New[[sha256.Size]byte, struct{}](memo.Config{Size: mostPassed, MaxLookups: mostChecks}),
			turns: make(chan struct{}, runtime.GOMAXPROCS(0)),
		}
		_, _ = rand.Read(p.key[:]) // it never fails
		return p
	}).(*passwords)
}

// Close implements io.Closer.
func (p *passwords) Close() error { return p.memo.Close() }

// check reports whether user has this password. The error says that it could not
// be checked.
func (p *passwords) check(ctx context.Context, u *users, user, password string) (bool, error) {
	h, there := u.hashes[user]
	if !there {
		h = u.stand
	}
	if h.kind == noHash {
		return false, nil
	}
	user, password = strings.Clone(user), strings.Clone(password)
	_, err := p.memo.Get(ctx, p.digest(user, password, h.text), func(ctx context.Context) (struct{}, time.Time, error) {
		select {
		case p.turns <- struct{}{}:
			defer func() { <-p.turns }()
		case <-ctx.Done():
			return struct{}{}, time.Time{}, ctx.Err()
		}
		if !h.matches(password) || !there {
			return struct{}{}, time.Time{}, errWrongPassword
		}
		return struct{}{}, time.Now().Add(passedFor), nil
	})
	if errors.Is(err, errWrongPassword) {
		return false, nil
	}
	// What is remembered for a hash may be another file's, where there is such a user.
	return err == nil && there, err
}

// digest is the key by which a password is remembered. The hash is in it, so that
// one that was changed is asked for anew.
func (p *passwords) digest(user, password, hash string) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, p.key[:])
	for _, s := range [...]string{user, password, hash} {
		m.Write(binary.AppendUvarint(nil, uint64(len(s)))) // hashes take everything
		m.Write([]byte(s))
	}
	m.Sum(sum[:0])
	return sum
}
