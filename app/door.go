package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/kit/sock"
)

// door is a listener.
type door struct {
	ln      net.Listener
	tls     *tls.Config
	sweeper *sock.Sweeper
	log     *slog.Logger
}

func openDoor(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1, Control: sock.KeepAlive}
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w (is another process using the port? choose one with -address)", address, err)
	}
	return ln, nil
}

// Addr implements proxy.Door.
func (d *door) Addr() net.Addr { return d.ln.Addr() }

// Run implements proxy.Door.
func (d *door) Run(ctx context.Context, serve func(*sock.Conn, *tls.ConnectionState)) error {
	stop := context.AfterFunc(ctx, func() { _ = d.ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		nc, err := d.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		wg.Go(func() { d.admit(ctx, nc, serve) })
	}
}

func (d *door) admit(ctx context.Context, nc net.Conn, serve func(*sock.Conn, *tls.ConnectionState)) {
	if d.tls == nil {
		serve(sock.Wrap(nc, d.sweeper), nil)
		return
	}
	tc := tls.Server(nc, d.tls)
	hctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := tc.HandshakeContext(hctx); err != nil {
		d.log.Info("TLS handshake failed", "client", nc.RemoteAddr().String(), "error", err)
		_ = nc.Close()
		return
	}
	state := tc.ConnectionState()
	if certs.IsChallenge(state) {
		_ = tc.Close()
		return
	}
	serve(sock.Wrap(tc, d.sweeper), &state)
}
