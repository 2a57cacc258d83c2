package oidc

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/kit/httpcall"
	"fairlead.dev/fairlead/kit/memo"
	"fairlead.dev/fairlead/kit/seal"
	"fairlead.dev/fairlead/login"
)

const (
	// mostRenewed is how many renewed sessions are remembered for those who come
	// with the old one, and rememberRenewed for how long.
	mostRenewed     = 2000
	rememberRenewed = time.Minute
	// logPause is between two lines about a provider that does not answer.
	logPause = 10 * time.Second
)

// house is what all filters of the process share.
type house struct {
	calls   *httpcall.Client
	renewed *memo.Memo[[sha256.Size]byte, *session]
	ownBox  func() *seal.Box
	logged  atomic.Int64 // Unix nanoseconds of the last line
}

type houseKey struct{}

func houseOf(env *filter.Env) *house {
	return env.Shared(houseKey{}, func() any {
		log := env.Log
		return &house{
			calls:   httpcall.New(httpcall.Config{}),
			renewed: memo.New[[sha256.Size]byte, *session](memo.Config{Size: mostRenewed}),
			ownBox: sync.OnceValue(func() *seal.Box {
				log.Warn("sessions of OpenID Connect end with this process and count for this instance alone: give a file with -oidc-secrets-file")
				return login.OwnBox()
			}),
		}
	}).(*house)
}

// Close ends the calls that are under way.
func (h *house) Close() error { return errors.Join(h.renewed.Close(), h.calls.Close()) }

// mayLog reports whether there was no line for a while.
func (h *house) mayLog() bool {
	last, now := h.logged.Load(), time.Now().UnixNano()
	return now-last >= int64(logPause) && h.logged.CompareAndSwap(last, now)
}

// authStyle is how the client shows who it is: with basic authentication unless the
// provider names its ways and that is not one of them (OpenID Connect Discovery
// 1.0, 3), and without a secret by its id alone.
func authStyle(m *issuer.Metadata, secret string) oauth2.AuthStyle {
	if secret == "" {
		return oauth2.AuthStyleInParams
	}
	post := false
	for _, method := range m.TokenAuthMethods {
		switch method {
		case "client_secret_basic":
			return oauth2.AuthStyleInHeader
		case "client_secret_post":
			post = true
		}
	}
	if post {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}
