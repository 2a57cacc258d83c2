package pool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/message"
)

func TestDial(t *testing.T) {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	trust := x509.NewCertPool()
	trust.AddCert(srv.Certificate())
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name            string
		scheme, address string
		tls             *tls.Config
		ctx             context.Context
		want            message.Reason
	}{
		{"plain", "http", plain.Addr().String(), nil, t.Context(), message.ReasonNone},
		{"trusted", "https", srv.Listener.Addr().String(), &tls.Config{RootCAs: trust}, t.Context(), message.ReasonNone},
		{"not trusted", "https", srv.Listener.Addr().String(), nil, t.Context(), message.ReasonTLSFailed},
		{"trusted by order", "https", srv.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true}, t.Context(), message.ReasonNone},
		{"no TLS there", "https", plain.Addr().String(), nil, t.Context(), message.ReasonTLSFailed},
		{"nobody there", "http", closed.Addr().String(), nil, t.Context(), message.ReasonDialFailed},
		{"no such name", "http", "host.invalid:80", nil, t.Context(), message.ReasonNameNotFound},
		{"client is gone", "http", plain.Addr().String(), nil, cancelled, message.ReasonClientGone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &Dialer{Timeout: 5 * time.Second, TLSTimeout: 200 * time.Millisecond, DualStack: true}
			c, err := d.Dial(tt.ctx, &backend.Endpoint{Scheme: tt.scheme, Address: tt.address}, tt.tls)
			if c != nil {
				c.Close()
			}
			var de *DialError
			switch {
			case tt.want == message.ReasonNone && err != nil:
				t.Errorf("got %v", err)
			case tt.want != message.ReasonNone && !errors.As(err, &de):
				t.Errorf("got %v, want a DialError", err)
			case de != nil && de.Reason != tt.want && !(tt.want == message.ReasonNameNotFound && de.Reason == message.ReasonDialFailed):
				t.Errorf("reason %s, want %s: %v", de.Reason, tt.want, err)
			}
		})
	}
}
