package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"fairlead.dev/fairlead/bench/peer"
)

// fatal is an error that waiting does not mend.
type fatal struct{ error }

// poll calls try until it succeeds, fails for good or the time is over.
func poll(ctx context.Context, longest, pause time.Duration, try func() error) error {
	deadline := time.Now().Add(longest)
	for {
		err := try()
		if err == nil {
			return nil
		}
		if stop, ok := errors.AsType[fatal](err); ok {
			return stop.error
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v: %w", longest, err)
		}
		if err := pauseFor(ctx, pause); err != nil {
			return err
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// awaitLive waits until the proxy answers the route for everything and the
// last of the other routes as it should.
func (b *bench) awaitLive(ctx context.Context, longest time.Duration) error {
	routes := b.setup.Routes
	client := b.client()
	defer client.CloseIdleConnections()
	return poll(ctx, longest, 10*time.Millisecond, func() error {
		if err := b.proxy.Ended(); err != nil {
			return fatal{err}
		}
		served, err := b.ask(ctx, client, "", "/")
		if err == nil && routes.Hosts > 0 {
			served, err = b.ask(ctx, client, fmt.Sprintf(peer.HostFormat, routes.Hosts-1), routes.Paths[len(routes.Paths)-1])
		}
		if err != nil {
			return fmt.Errorf("%s is not live: %w", b.peer.Name, err)
		}
		if served == "" {
			return fatal{fmt.Errorf("%s does not set X-Served: it does less than the others", b.peer.Name)}
		}
		return nil
	})
}

func (b *bench) client() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
}

// ask does one request and returns the X-Served field.
func (b *bench) ask(ctx context.Context, client *http.Client, host, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", b.setup.Port, path), nil)
	if err != nil {
		return "", fmt.Errorf("ask proxy: %w", err)
	}
	req.Host = host
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK || n != 100 {
		return "", fmt.Errorf("status %d with %d bytes for host %q, path %q", res.StatusCode, n, host, path)
	}
	return res.Header.Get("X-Served"), nil
}
