package acme

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer is the longest body that we read from a CA, in bytes.
	maxAnswer = 1 << 20
	// maxRequests is how many requests one try may take; a usual one takes 15,
	// and one more every half second while the CA thinks.
	maxRequests = 1000
	// maxCAFile is the longest file of CAs, in bytes.
	maxCAFile = 4 << 20
)

// newTransport makes the connections to the CA. caFile, if not empty, has the
// only certificates to trust.
func newTransport(caFile string) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pool, err := readCAs(caFile)
		if err != nil {
			return nil, fmt.Errorf("-acme-ca-file: %w", err)
		}
		config.RootCAs = pool
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 20 * time.Second}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  time.Minute,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           maxOrders,
		MaxIdleConnsPerHost:    maxOrders,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}, nil
}

func readCAs(name string) (*x509.CertPool, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxCAFile))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("file %q: found no certificate, expected PEM blocks of type CERTIFICATE", name)
	}
	return pool, nil
}

// guard stands between the protocol and the network for one try: only HTTPS,
// only so many requests, only so long answers. It remembers how long the CA asks
// us to stay away.
type guard struct {
	next     http.RoundTripper
	requests atomic.Int64
	stayAway atomic.Int64 // seconds
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, nonsense(fmt.Sprintf("the CA refers to %q, expected an https URL", r.URL.Redacted()))
	}
	if g.requests.Add(1) > maxRequests {
		return nil, nonsense(fmt.Sprintf("the CA made us send more than %d requests for one certificate", maxRequests))
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		g.stayAway.Store(retryAfter(resp.Header.Get("Retry-After")))
	}
	resp.Body = &shortBody{ReadCloser: resp.Body, left: maxAnswer}
	return resp, nil
}

// pause returns how long the CA asked us to stay away, within bounds.
func (g *guard) pause() time.Duration {
	return min(time.Duration(g.stayAway.Load())*time.Second, longestRetry)
}

// retryAfter reads the field, in seconds (RFC 9110 section 10.2.3).
func retryAfter(field string) int64 {
	if n, err := strconv.ParseInt(field, 10, 32); err == nil {
		return max(n, 0)
	}
	if at, err := http.ParseTime(field); err == nil {
		return int64(max(time.Until(at), 0) / time.Second)
	}
	return 0
}

// shortBody fails when a body goes on beyond its bound.
type shortBody struct {
	io.ReadCloser
	left int
}

func (b *shortBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, nonsense(fmt.Sprintf("the CA's answer is longer than %d bytes", maxAnswer))
	}
	return n, err
}
