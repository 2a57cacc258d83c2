package listen

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Refusal says why a connection was ended before anybody served it. Its text is
// the label of the metric and what the log says.
type Refusal string

// The refusals.
const (
	Admitted            Refusal = ""
	RefusedConnections  Refusal = "max-connections"
	RefusedClient       Refusal = "max-connections-per-client"
	RefusedQueueFull    Refusal = "queue-full"
	RefusedQueueTimeout Refusal = "queue-timeout"
	RefusedStopping     Refusal = "stopping"

	// The client left before it said anything of use.
	RefusedLeft Refusal = "client-left"

	// Of TLS: the handshake was too slow, it was ended in favour of newer ones,
	// the client left, its certificate is not good, there is no version, suite or
	// name that both have, the client does not trust us, HTTP or something else
	// came instead.
	RefusedTLSTimeout   Refusal = "tls-timeout"
	RefusedTLSCrowded   Refusal = "tls-crowded"
	RefusedTLSLeft      Refusal = "tls-client-left"
	RefusedTLSClient    Refusal = "tls-client-certificate"
	RefusedTLSNoCommon  Refusal = "tls-nothing-in-common"
	RefusedTLSByClient  Refusal = "tls-refused-by-client"
	RefusedTLSPlainHTTP Refusal = "tls-plain-http"
	RefusedTLSNotTLS    Refusal = "tls-not-tls"
	RefusedTLSFailed    Refusal = "tls-failed"

	// Of the PROXY protocol: the header did not come in time, is malformed, or
	// came from a network that may not send one.
	RefusedProxyTimeout   Refusal = "proxy-header-timeout"
	RefusedProxyMalformed Refusal = "proxy-header-malformed"
	RefusedProxyUntrusted Refusal = "proxy-header-untrusted"
)

// advice says what to do about a refusal.
func (r Refusal) advice() string {
	switch r {
	case RefusedConnections, RefusedClient:
		return "raise -" + string(r) + " if these clients are honest"
	case RefusedQueueFull, RefusedQueueTimeout:
		return "add instances, or raise -max-tcp-listener-concurrency if there is memory"
	case RefusedTLSCrowded:
		return "raise -max-tls-handshakes if these clients are honest"
	case RefusedTLSTimeout:
		return "raise -tls-handshake-timeout if these clients are honest"
	case RefusedTLSClient:
		return "compare the client's certificate with -tls-client-ca"
	case RefusedTLSNoCommon:
		return "see -tls-min-version, -tls-cipher-suites and -tls-strict-sni for what is served"
	case RefusedTLSByClient:
		return "the client does not accept our certificate: see its issuer, names and dates"
	case RefusedTLSPlainHTTP:
		return "the client has to use https"
	case RefusedProxyTimeout, RefusedProxyMalformed:
		return "the load balancer has to send a PROXY header with each connection, or its network belongs into -proxy-skip-cidrs"
	case RefusedProxyUntrusted:
		return "if this is a load balancer, its network belongs into -proxy-allow-cidrs"
	}
	return ""
}

// classify says what went wrong with a handshake.
func classify(err error) Refusal {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.Is(err, errCrowded):
		return RefusedTLSCrowded
	case errors.Is(err, os.ErrDeadlineExceeded):
		return RefusedTLSTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return RefusedTLSLeft
	case errors.As(err, &record):
		if looksLikeHTTP(record.RecordHeader[:]) {
			return RefusedTLSPlainHTTP
		}
		return RefusedTLSNotTLS
	case errors.As(err, &verify):
		return RefusedTLSClient
	case errors.As(err, &op) && op.Op == "remote error":
		return RefusedTLSByClient
	}
	return classifyText(err.Error())
}

// classifyText tells apart what crypto/tls and package certs say in words only.
func classifyText(text string) Refusal {
	switch {
	case strings.Contains(text, "client certificate"), strings.Contains(text, "client didn't provide a certificate"),
		strings.Contains(text, "invalid signature by the client certificate"):
		return RefusedTLSClient
	case strings.Contains(text, "no cipher suite supported"), strings.Contains(text, "unsupported versions"),
		strings.Contains(text, "no ECDHE curve"), strings.Contains(text, "unsupported application protocols"),
		strings.Contains(text, "no certificate"), strings.Contains(text, "unsupported certificate"),
		strings.Contains(text, "signature algorithms"):
		return RefusedTLSNoCommon
	}
	return RefusedTLSFailed
}

// looksLikeHTTP reports whether the first five bytes begin a request.
func looksLikeHTTP(b []byte) bool {
	for _, m := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "CONNE", "PRI *"} {
		if string(b) == m {
			return true
		}
	}
	return false
}

// logEvery is how often one refusal is logged at most.
const logEvery = time.Second

// report counts refusals and logs the first of each second: under attack there
// are many.
type report struct {
	log     *slog.Logger
	refused func(Refusal)
	now     func() time.Time

	mu   sync.Mutex
	last map[Refusal]*told // as many as there are refusals
}

type told struct {
	at   time.Time
	more int // since then, not logged
}

// refusal is told; attrs say who and what.
func (r *report) refusal(why Refusal, attrs ...any) {
	r.refused(why)
	r.mu.Lock()
	t := r.last[why]
	if t == nil {
		t = &told{}
		r.last[why] = t
	}
	now := r.now()
	if !t.at.IsZero() && now.Sub(t.at) < logEvery {
		t.more++
		r.mu.Unlock()
		return
	}
	more := t.more
	t.at, t.more = now, 0
	r.mu.Unlock()
	attrs = append(attrs, "reason", string(why))
	if a := why.advice(); a != "" {
		attrs = append(attrs, "advice", a)
	}
	if more > 0 {
		attrs = append(attrs, "more_not_logged", more)
	}
	r.log.Warn("connection refused", attrs...)
}
