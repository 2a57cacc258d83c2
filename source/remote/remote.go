package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

// Options of the source.
var Options = option.Define("source/remote", Values{})

// Values are the options of the source, spec 1.8.
type Values struct {
	URLs []string `flag:"routes-urls" doc:"URLs with routes, asked again all the time; of an id in several the first URL's route counts"`
}

var _ = source.Define(source.Def{
	Name: "remote",
	Doc:  "routes behind URLs",
	Open: func(env *source.Env) ([]source.Source, error) {
		var all []source.Source
		var seen []string
		for _, text := range Options.From(env.Options).URLs {
			if slices.Contains(seen, text) {
				continue
			}
			seen = append(seen, text)
			r, err := open(text, env.Options)
			if err != nil {
				return nil, fmt.Errorf("option routes-urls: %w", err)
			}
			all = append(all, r)
		}
		return all, nil
	},
})

// The times that one reading may take.
const (
	timeout     = time.Minute // all of it
	headTimeout = 10 * time.Second
	// idleTimeout ends a connection that is kept for the next look.
	idleTimeout = 30 * time.Second
)

// remote is one URL with routes.
type remote struct {
	url     *url.URL
	shown   string // without what may be secret
	client  *http.Client
	options *option.Set
	doc     *source.Document

	// What the last good answer said.
	set    source.Set
	tag    string
	loaded bool
}

func open(text string, options *option.Set) (*remote, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("one of them is no URL, expected http://host/path") // the error quotes what may be secret
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("found %q, expected http://host/path or https://host/path", shown)
	}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    headTimeout,
		ResponseHeaderTimeout:  headTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           1,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &remote{
		url: u, shown: shown, options: options,
		client: &http.Client{Transport: t},
		doc:    source.NewDocument(shown),
	}, nil
}

// Name returns what the URL is to people.
func (r *remote) Name() string { return fmt.Sprintf("routes URL %q", r.shown) }

// Watch implements source.Source.
func (r *remote) Watch(ctx context.Context, changed func()) error {
	defer r.client.CloseIdleConnections()
	return source.Poll(ctx, r.options, changed)
}

// Routes asks the URL.
func (r *remote) Routes(ctx context.Context) (source.Set, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	set, err := r.ask(ctx)
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // without the whole URL
	}
	return set, err
}

func (r *remote) ask(ctx context.Context) (source.Set, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url.String(), nil)
	if err != nil {
		return source.Set{}, err
	}
	req.Header.Set("User-Agent", "fairlead")
	if r.tag != "" {
		req.Header.Set("If-None-Match", r.tag)
	}
	resp, err := r.client.Do(req) //nolint:bodyclose // finish closes it
	if err != nil {
		return source.Set{}, err
	}
	defer finish(resp.Body)
	switch {
	case resp.StatusCode == http.StatusNotModified && r.loaded:
		return r.set, nil
	case resp.StatusCode != http.StatusOK:
		return source.Set{}, fmt.Errorf("the answer has the status %q, expected 200", resp.Status)
	}
	set, err := r.doc.Read(resp.Body)
	if err != nil {
		return source.Set{}, err
	}
	r.set, r.tag, r.loaded = set, resp.Header.Get("ETag"), true
	return set, nil
}

// finish reads what little may be left, so that the connection can be used
// again, and closes body.
func finish(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 4<<10)
	_ = body.Close()
}
