package http3test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
)

// Transport is an HTTP/3 client for net/http. Close ends its connections.
type Transport interface {
	http.RoundTripper
	io.Closer
}

// NewTransport returns a client that trusts what config says.
func NewTransport(config *tls.Config) Transport {
	return &http3.Transport{TLSClientConfig: config, DisableCompression: true, QUICConfig: limits()}
}

// limits end what would hang.
func limits() *quic.Config {
	return &quic.Config{HandshakeIdleTimeout: 5 * time.Second, MaxIdleTimeout: 20 * time.Second}
}

// Headers returns a HEADERS frame with fields, names and values by turns (RFC
// 9114 7.2.2).
func Headers(fields ...string) []byte {
	w := &block{}
	e := qpack.NewEncoder(w)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = e.WriteField(qpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // block takes everything
	}
	return Frame(0x01, w.b)
}

type block struct{ b []byte }

func (w *block) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// Data returns a DATA frame.
func Data(p string) []byte { return Frame(0x00, []byte(p)) }

// Frame returns a frame of any kind.
func Frame(kind uint64, p []byte) []byte {
	b := quicvarint.Append(quicvarint.Append(nil, kind), uint64(len(p)))
	return append(b, p...)
}

// Send sends raw on one stream of a new connection, ends the stream, and returns
// the status and the body that come back. The error says how the stream or the
// connection ended instead.
func Send(ctx context.Context, addr string, config *tls.Config, raw []byte) (status, body string, err error) {
	config = config.Clone()
	config.NextProtos = []string{"h3"}
	q, err := quic.DialAddr(ctx, addr, config, limits())
	if err != nil {
		return "", "", fmt.Errorf("dial %q: %w", addr, err)
	}
	defer func() { _ = q.CloseWithError(0x100, "") }() // always nil
	s, err := q.OpenStreamSync(ctx)
	if err != nil {
		return "", "", fmt.Errorf("open a stream: %w", err)
	}
	if _, err := s.Write(raw); err != nil {
		return "", "", fmt.Errorf("send: %w", err)
	}
	_ = s.Close() // a stream that was reset says so when it is read
	return receive(quicvarint.NewReader(s))
}

func receive(r quicvarint.Reader) (status, body string, err error) {
	for {
		kind, err := quicvarint.Read(r)
		if err == io.EOF { //nolint:errorlint // returned bare
			return status, body, nil
		}
		if err != nil {
			return status, body, err
		}
		n, err := quicvarint.Read(r)
		if err != nil {
			return status, body, err
		}
		p := make([]byte, n)
		if _, err := io.ReadFull(r, p); err != nil {
			return status, body, err
		}
		switch {
		case kind == 0x00:
			body += string(p)
		case kind == 0x01 && status == "":
			f, err := qpack.NewDecoder().Decode(p)()
			if err != nil {
				return status, body, err
			}
			status = f.Value
		}
	}
}
