package httpcall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"fairlead.dev/fairlead/kit/live"
)

// Errors of Do beside those of the network. They are wrapped.
var (
	// ErrBusy says that as many calls as allowed are under way.
	ErrBusy = errors.New("too many calls are under way")
	// ErrTooLong says that the answer is longer than the bound.
	ErrTooLong = errors.New("the answer is too long")
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("the client is closed")
)

// Config bounds a Client. Zero fields mean the defaults.
type Config struct {
	// MaxBody is the longest body of an answer in bytes; the default is 1 MiB.
	MaxBody int64
	// MaxCalls is the number of calls that may be under way; the default is 256.
	MaxCalls int
	// MaxConns is the number of connections to one host; the default is 64.
	MaxConns int
}

// Client calls other services. Its methods may be called at the same time.
type Client struct {
	http    *http.Client
	conns   *http.Transport
	maxBody int64
	turns   chan struct{}
	calls   live.Group
	ctx     context.Context // ends with Close
	close   context.CancelFunc
}

// Answer is what a service answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// New returns a Client. Close it.
func New(cfg Config) *Client {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 1 << 20
	}
	if cfg.MaxCalls <= 0 {
		cfg.MaxCalls = 256
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = 64
	}
	conns := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		MaxConnsPerHost:        cfg.MaxConns,
		MaxIdleConnsPerHost:    cfg.MaxConns,
		MaxIdleConns:           4 * cfg.MaxConns,
		IdleConnTimeout:        20 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	c := &Client{conns: conns, maxBody: cfg.MaxBody, turns: make(chan struct{}, cfg.MaxCalls)}
	c.http = &http.Client{
		Transport:     conns,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.ctx, c.close = context.WithCancel(context.Background())
	return c
}

// Do sends req and reads the answer, within timeout. The context of req does not
// count, ctx does.
func (c *Client) Do(ctx context.Context, timeout time.Duration, req *http.Request) (*Answer, error) {
	c.calls.Add(1)
	defer c.calls.Done()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	a, err := c.inTurn(req.WithContext(ctx))
	switch {
	case err == nil:
		return a, nil
	case c.ctx.Err() != nil:
		err = ErrClosed
	}
	return nil, fmt.Errorf("%s %q: %w", req.Method, place(req.URL), err)
}

// inTurn waits until one more call may be under way, and makes it.
func (c *Client) inTurn(req *http.Request) (*Answer, error) {
	select {
	case c.turns <- struct{}{}:
	default:
		select {
		case c.turns <- struct{}{}:
		case <-req.Context().Done():
			return nil, fmt.Errorf("%w (%d): %w", ErrBusy, cap(c.turns), req.Context().Err())
		}
	}
	defer func() { <-c.turns }()
	resp, err := c.http.Do(req)
	if err != nil {
		var located *url.Error
		if errors.As(err, &located) {
			err = located.Err // Do names the place, without what may be secret
		}
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > c.maxBody {
		return nil, fmt.Errorf("%w: expected at most %d bytes", ErrTooLong, c.maxBody)
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// Close ends the calls that are under way, waits for them, and closes the
// connections.
func (c *Client) Close() error {
	c.close()
	c.calls.Wait()
	c.conns.CloseIdleConnections()
	return nil
}

// place is a URL without user, query and fragment: those may be secret.
func place(u *url.URL) string {
	short := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return short.String()
}

// CheckURL returns the URL that text is: absolute, http or https, with a host and
// without a fragment or user. The error says what was found.
func CheckURL(text string) (*url.URL, error) {
	const expected = "expected one such as https://auth.example.org/path"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		var located *url.Error
		if errors.As(err, &located) {
			err = located.Err
		}
		return nil, fmt.Errorf("found %q, which is no URL (%w), %s", text, err, expected)
	case u.Scheme != "http" && u.Scheme != "https", u.Opaque != "":
		return nil, fmt.Errorf("found %q, which is no http or https URL, %s", text, expected)
	case u.Hostname() == "":
		return nil, fmt.Errorf("found the URL %q without a host, %s", text, expected)
	case u.User != nil:
		return nil, fmt.Errorf("found a URL with a user or password in it for %q: URLs are logged, keep credentials out of them", u.Host)
	case u.Fragment != "":
		return nil, fmt.Errorf("found the URL %q with a fragment, which is not sent: leave it out", text)
	}
	return u, nil
}
