package grant

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
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
	"fairlead.dev/fairlead/secrets"
)

const (
	// timeout bounds a request to the token endpoint.
	timeout = 10 * time.Second
	// mostRenewed sessions are remembered, for those who come with the old one, for
	// as long as rememberRenewed.
	mostRenewed     = 2000
	rememberRenewed = time.Minute
	// mostClients with other credentials are kept.
	mostClients = 100
	// logPause is between two lines about a provider that does not answer.
	logPause = 10 * time.Second
)

// config is what all filters of the process share. Its methods may be called at the
// same time.
type config struct {
	opts      *Values
	common    *login.Values
	log       *slog.Logger
	jar       *login.Jar
	info      *issuer.Service
	id        *credential
	secret    *credential
	calls     *httpcall.Client
	renewed   *memo.Memo[[32]byte, *session]
	file      *secrets.File[*seal.Box] // nil: the secret is made up
	authParam url.Values               // without redirect_uri
	logged    atomic.Int64             // Unix nanoseconds of the last line

	mu      sync.Mutex
	clients map[[2]string]*login.Client
}

type configKey struct{}

// keeper has the config of the process once it could be made: until then every
// route that is made tries again, files may have come.
type keeper struct {
	mu   sync.Mutex
	made *config
}

// Close implements io.Closer.
func (k *keeper) Close() error {
	if k.made == nil {
		return nil
	}
	return k.made.close()
}

// configOf returns the config of the process. Where routes are only checked, it is
// nil if the options are not those of a login.
func configOf(env *filter.Env) (*config, error) {
	k := env.Shared(configKey{}, func() any { return &keeper{} }).(*keeper)
	c, err := k.get(env)
	if err != nil && env.Offline {
		return nil, nil
	}
	return c, err
}

func (k *keeper) get(env *filter.Env) (*config, error) {
	k.mu.Lock()
	c := k.made
	k.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := newConfig(env) // no lock is held while files are read
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made != nil {
		return k.made, c.close()
	}
	k.made = c
	return c, nil
}

func (c *config) close() error {
	err := errors.Join(c.renewed.Close(), c.calls.Close(), c.id.Close(), c.secret.Close())
	if c.file != nil {
		err = errors.Join(err, c.file.Close())
	}
	return err
}

func newConfig(env *filter.Env) (*config, error) {
	c := &config{
		opts: Options.From(env.Options), common: login.Options.From(env.Options), log: env.Log.With("filter", "grant"),
		clients: map[[2]string]*login.Client{}, authParam: url.Values{},
	}
	err := c.check()
	if err != nil {
		return nil, err
	}
	if c.info, err = issuer.TokeninfoIn(env); err != nil {
		return nil, err
	}
	for name, value := range c.opts.AuthParams {
		if name != redirectURI {
			c.authParam.Set(name, value)
		}
	}
	c.jar = &login.Jar{Name: c.opts.CookieName, Purpose: "oauth2 grant", Remove: c.opts.RemoveSubdomains, Secure: !c.opts.Insecure}
	if err := c.open(secrets.In(env)); err != nil {
		return nil, err
	}
	c.calls, c.renewed = httpcall.New(httpcall.Config{}), memo.New[[32]byte, *session](memo.Config{Size: mostRenewed})
	return c, nil
}

// redirectURI is the parameter of -oauth2-auth-url-parameters that replaces the
// callback on the host of the request.
const redirectURI = "redirect_uri"

// ours are parameters that the login itself needs as it sets them.
var ours = [...]string{"client_id", "client_secret", "response_type", "response_mode", "state", "code", "code_challenge", "code_challenge_method", "code_verifier", "grant_type"}

func (c *config) check() error {
	if !c.common.GrantFlow {
		return errors.New("the OAuth 2 grant flow is off: turn it on with -enable-oauth2-grant-flow")
	}
	for _, u := range []struct {
		option, url string
		optional    bool
	}{
		{"oauth2-auth-url", c.opts.AuthURL, false}, {"oauth2-token-url", c.opts.TokenURL, false},
		{"oauth2-revoke-token-url", c.opts.RevokeURL, true}, {"oauth2-auth-url-parameters: redirect_uri", c.opts.AuthParams[redirectURI], true},
	} {
		if u.url == "" && u.optional {
			continue
		}
		if _, err := httpcall.CheckURL(u.url); err != nil {
			return fmt.Errorf("option -%s: %w", u.option, err)
		}
	}
	for _, name := range ours {
		if _, ok := c.opts.AuthParams[name]; ok {
			return fmt.Errorf("option -oauth2-auth-url-parameters: found %q, which the login sets itself", name)
		}
	}
	if name := c.opts.CookieName; filter.CheckFieldName(name) != nil || len(name) > 64 || strings.HasPrefix(name, "__") {
		return fmt.Errorf("option -oauth2-token-cookie-name: found %q, expected up to 64 letters, digits and any of !#$%%&'*+-.^_`|~, not beginning with __", name)
	}
	if c.opts.RemoveSubdomains < 0 {
		return fmt.Errorf("option -oauth2-token-cookie-remove-subdomains: found %d, expected a number from 0", c.opts.RemoveSubdomains)
	}
	if name := c.opts.TokenHeader; name != "" {
		if err := filter.CheckSettable(name); err != nil {
			return fmt.Errorf("option -oauth2-access-token-header-name: %w", err)
		}
	}
	return nil
}

// open opens the files.
func (c *config) open(store *secrets.Store) error {
	var err error
	if c.id, err = newCredential(store, "oauth2-client-id", c.opts.ClientID, c.opts.ClientIDFile); err != nil {
		return err
	}
	if c.secret, err = newCredential(store, "oauth2-client-secret", c.opts.ClientSecret, c.opts.ClientSecretFile); err != nil {
		return errors.Join(err, c.id.Close())
	}
	if c.opts.SecretFile == "" {
		box := login.OwnBox()
		c.jar.Box = func() *seal.Box { return box }
		c.log.Warn("sessions of oauthGrant end with this process and count for this instance alone: give a file with -oauth2-secret-file")
		return nil
	}
	if c.file, err = secrets.Open(store, c.opts.SecretFile, login.ParseBox); err != nil {
		return errors.Join(fmt.Errorf("option -oauth2-secret-file: %w", err), c.id.Close(), c.secret.Close())
	}
	c.jar.Box = func() *seal.Box { return *c.file.Get() }
	return nil
}

// scheme of pages and the callback.
func (c *config) scheme() string {
	if c.opts.Insecure {
		return "http"
	}
	return "https"
}

// client returns what speaks to the token endpoint, with the credentials for a
// host. It is kept: it finds out how the provider wants to see them.
func (c *config) client(host string) (*login.Client, error) {
	id, err := c.id.get(host)
	if err != nil {
		return nil, err
	}
	secret, err := c.secret.get(host)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{id, secret}
	client := c.clients[key]
	if client == nil {
		if len(c.clients) >= mostClients {
			clear(c.clients)
		}
		client = &login.Client{
			Config: oauth2.Config{ClientID: id, ClientSecret: secret, Endpoint: oauth2.Endpoint{AuthURL: c.opts.AuthURL, TokenURL: c.opts.TokenURL}},
			Calls:  c.calls, Timeout: timeout,
		}
		c.clients[key] = client
	}
	return client, nil
}

// mayLog reports whether there was no line for a while.
func (c *config) mayLog() bool {
	last, now := c.logged.Load(), time.Now().UnixNano()
	return now-last >= int64(logPause) && c.logged.CompareAndSwap(last, now)
}
