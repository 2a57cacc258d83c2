package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/httpcall"
	"fairlead.dev/fairlead/kit/memo"
)

// Service knows tokens by asking -oauth2-tokeninfo-url. Its methods may be called
// at the same time.
type Service struct {
	url      *url.URL
	opts     *Values
	complain complaints
	calls    *httpcall.Client
	memo     *memo.Memo[[sha256.Size]byte, info]
}

// info is what the service said, and when.
type info struct {
	claims Claims
	at     time.Time
}

type serviceKey struct{}

type sharedService struct {
	*Service
	err error
}

// Close implements io.Closer.
func (s *sharedService) Close() error {
	if s.Service == nil {
		return nil
	}
	return errors.Join(s.memo.Close(), s.calls.Close())
}

// TokeninfoIn returns the tokeninfo service of the process that env is of. The
// error says what is wrong with the options.
func TokeninfoIn(env *filter.Env) (*Service, error) {
	s := env.Shared(serviceKey{}, func() any {
		s, err := newService(Options.From(env.Options), env.Log)
		return &sharedService{s, err}
	}).(*sharedService)
	return s.Service, s.err
}

func newService(opts *Values, log *slog.Logger) (*Service, error) {
	if opts.TokeninfoURL == "" {
		return nil, errors.New("there is no service to ask about tokens: name it in -oauth2-tokeninfo-url")
	}
	u, err := httpcall.CheckURL(opts.TokeninfoURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("option -oauth2-tokeninfo-url: %w", err)
	case opts.TokeninfoTimeout <= 0:
		return nil, fmt.Errorf("option -oauth2-tokeninfo-timeout: found %v, expected a time above 0", opts.TokeninfoTimeout)
	case opts.TokeninfoSize < 0 || opts.TokeninfoTTL < 0:
		return nil, fmt.Errorf("options -oauth2-tokeninfo-cache-size and -oauth2-tokeninfo-cache-ttl: found %d and %v, expected no negative ones", opts.TokeninfoSize, opts.TokeninfoTTL)
	}
	return &Service{
		url: u, opts: opts, complain: complaints{log: log}, calls: httpcall.New(httpcall.Config{}),
		memo: memo.New[[sha256.Size]byte, info](memo.Config{Size: opts.TokeninfoSize}),
	}, nil
}

// SubjectKey returns the field that says who somebody is.
func (s *Service) SubjectKey() string { return s.opts.SubjectKey }

// Ask returns what the service says of a token. The error is ErrToken when it does
// not know it.
func (s *Service) Ask(ctx context.Context, token string) (Claims, error) {
	if !askable(token) {
		return nil, fmt.Errorf("%w: it is empty, too long or has characters that no token has", ErrToken)
	}
	token = strings.Clone(token) // the lookup may go on when the request has ended
	i, err := s.memo.Get(ctx, sha256.Sum256([]byte(token)), func(ctx context.Context) (info, time.Time, error) {
		return s.ask(ctx, token)
	})
	if err != nil {
		return nil, err
	}
	return i.now(), nil
}

func (s *Service) ask(ctx context.Context, token string) (i info, until time.Time, err error) {
	req, err := http.NewRequest(http.MethodGet, s.url.String(), nil)
	if err != nil {
		return i, until, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	a, err := s.calls.Do(ctx, s.opts.TokeninfoTimeout, req)
	if err != nil {
		s.complain.of("tokeninfo", err)
		return i, until, err
	}
	switch a.Status {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return i, until, fmt.Errorf("%w: the tokeninfo service answered %d", ErrToken, a.Status)
	default:
		err = fmt.Errorf("found status %d, expected 200 for a good token and 401 for a bad one", a.Status)
		s.complain.of("tokeninfo", err)
		return i, until, err
	}
	if i.claims, err = ParseClaims(a.Body); err != nil {
		s.complain.of("tokeninfo", err)
		return i, until, err
	}
	i.at = time.Now()
	return i, i.until(s.opts.TokeninfoTTL), nil
}

// expiresIn is the field of a tokeninfo with the seconds that the token is good
// for (RFC 6749 5.1).
const expiresIn = "expires_in"

// until says until when i may be remembered: a tokeninfo that does not say when it
// ends is not.
func (i info) until(ttl time.Duration) time.Time {
	n, ok := i.claims[expiresIn].(json.Number)
	if !ok {
		return time.Time{}
	}
	seconds, err := n.Float64()
	if err != nil || !(seconds > 0) {
		return time.Time{}
	}
	keep := time.Duration(min(seconds, 1<<30) * float64(time.Second))
	if ttl > 0 {
		keep = min(keep, ttl)
	}
	return i.at.Add(keep)
}

// now returns the claims with the seconds that are left.
func (i info) now() Claims {
	passed := int64(time.Since(i.at) / time.Second)
	n, ok := i.claims[expiresIn].(json.Number)
	if !ok || passed == 0 {
		return i.claims
	}
	left, err := n.Int64()
	if err != nil {
		return i.claims
	}
	c := maps.Clone(i.claims)
	c[expiresIn] = json.Number(strconv.FormatInt(max(left-passed, 0), 10))
	return c
}

// askable reports whether a token may be asked about: what has other characters
// would be changed on its way (RFC 6750 2.1 allows fewer still).
func askable(token string) bool {
	if token == "" || len(token) > mostTokenBytes {
		return false
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return false
		}
	}
	return true
}
