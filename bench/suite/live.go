package suite

import (
	"bytes"
	"context"
	"crypto/tls"
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

// client speaks what the front of the proxy wants.
func (b *bench) client() *http.Client {
	var p http.Protocols
	p.SetHTTP1(b.scenario.front == peer.Plain || b.scenario.front == peer.TLS && !b.scenario.calls)
	p.SetHTTP2(b.scenario.front == peer.TLS && b.scenario.calls)
	p.SetUnencryptedHTTP2(b.scenario.front == peer.H2C)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "bench.example"},
	}}
}

// url is where the proxy answers.
func (b *bench) url(path string) string {
	scheme := "http"
	if b.scenario.front == peer.TLS {
		scheme = "https"
	}
	return fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, b.setup.Port, path)
}

// request is a GET or, when the backends answer calls, a call with a message of
// 100 bytes, which the answer has as well.
func (b *bench) request(ctx context.Context, host, path string) (req *http.Request, length int64, err error) {
	method, message := http.MethodGet, []byte(nil)
	length = 100
	if b.scenario.calls {
		method, message = http.MethodPost, make([]byte, 105)
		message[4] = 100
		length = 105
	}
	req, err = http.NewRequestWithContext(ctx, method, b.url(path), bytes.NewReader(message))
	if err != nil {
		return nil, 0, fmt.Errorf("ask proxy: %w", err)
	}
	req.Host = host
	if b.scenario.calls {
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
	}
	return req, length, nil
}

// ask does one request and returns the X-Served field.
func (b *bench) ask(ctx context.Context, client *http.Client, host, path string) (string, error) {
	req, length, err := b.request(ctx, host, path)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK || n != length {
		return "", fmt.Errorf("status %d with %d bytes for host %q, path %q", res.StatusCode, n, host, path)
	}
	if status := res.Trailer.Get("Grpc-Status"); b.scenario.calls && status != "0" {
		return "", fmt.Errorf("grpc-status %q for host %q, path %q", status, host, path)
	}
	return res.Header.Get("X-Served"), nil
}
