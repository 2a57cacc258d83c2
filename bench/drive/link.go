package drive

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"time"

	"fairlead.dev/fairlead/bench/sock"
)

// link is the byte stream of a connection, plain or inside TLS. It never
// waits: it says [sock.ErrAgain].
type link struct {
	fd   int
	tls  *tls.Conn // nil: plain
	raw  *raw      // what tls reads from and writes to
	step func() (struct{}, bool)
	stop func()
	bad  error // why the handshake failed
}

// newLink takes a socket; a nil config is plain.
func newLink(fd int, config *tls.Config) *link {
	k := &link{fd: fd}
	if config == nil {
		return k
	}
	k.raw = &raw{fd: fd}
	k.tls = tls.Client(k.raw, config)
	// The handshake of crypto/tls wants a connection that waits. As a coroutine
	// it may: its reads come back to the loop.
	k.step, k.stop = iter.Pull(func(yield func(struct{}) bool) {
		k.raw.wait = func() bool { return yield(struct{}{}) }
		k.bad = k.tls.Handshake()
		k.raw.wait = nil
	})
	return k
}

// ready says that the socket reported an event.
func (k *link) ready() {
	if k.raw != nil {
		k.raw.dry = false
	}
}

// unsent says that bytes wait which write took.
func (k *link) unsent() bool { return k.raw != nil && len(k.raw.out) > 0 }

// wants is what the socket must report before write is called again.
func (k *link) wants() uint32 {
	if k.step != nil && !k.unsent() {
		return sock.In
	}
	return sock.Out
}

// write takes what it can of b; in TLS with an empty b it only goes on.
func (k *link) write(b []byte) (n int, err error) {
	if k.tls == nil {
		return sock.Write(k.fd, b)
	}
	if err := k.raw.flush(); err != nil {
		return 0, err
	}
	if err := k.handshake(); err != nil {
		return 0, err
	}
	if len(b) > 0 {
		if n, err = k.tls.Write(b); err != nil {
			return n, fmt.Errorf("write TLS record: %w", err)
		}
	}
	return n, k.raw.flush()
}

// handshake goes on with the handshake; once that is over it says how it ended.
func (k *link) handshake() error {
	if k.step == nil {
		return k.bad
	}
	if _, more := k.step(); more {
		return sock.ErrAgain
	}
	k.step = nil
	if k.bad != nil {
		k.bad = errAnswer("TLS handshake: " + k.bad.Error())
	}
	return k.bad
}

// read returns 0 and no error at the end of the stream. Before the end of the
// handshake, which write drives, only that end can be read.
func (k *link) read(b []byte) (int, error) {
	if k.tls == nil || k.step != nil {
		return sock.Read(k.fd, b)
	}
	n, err := k.tls.Read(b)
	switch {
	case n > 0 || err == nil:
		return n, nil
	case err == errLater:
		return 0, sock.ErrAgain
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, nil
	}
	return 0, err
}

// discard drops up to n bytes, by way of buf when the kernel cannot.
func (k *link) discard(n int, buf []byte) (int, error) {
	if k.tls == nil {
		return sock.Discard(k.fd, n)
	}
	return k.read(buf[:min(n, len(buf))])
}

// close closes the socket, by a reset unless in peace.
func (k *link) close(peace bool) {
	if k.step != nil {
		k.stop()
	}
	if !peace {
		sock.CloseWithReset(k.fd)
	}
	sock.Close(k.fd)
}

// raw is the socket below TLS.
type raw struct {
	fd   int
	out  []byte      // written by TLS and not taken by the socket yet
	dry  bool        // the socket had nothing more when it was read last
	wait func() bool // during the handshake: come back when there is more
}

// later tells crypto/tls that it may read again.
type later struct{}

func (later) Error() string   { return "nothing to read now" }
func (later) Timeout() bool   { return true }
func (later) Temporary() bool { return true }

var (
	errLater     net.Error = later{}
	errAbandoned           = errors.New("handshake given up")
)

// Read spares the question whether there is more after a read that did not
// fill its buffer: the loop asks for all sockets at once.
func (r *raw) Read(b []byte) (int, error) {
	for {
		if !r.dry {
			n, err := sock.Read(r.fd, b)
			switch {
			case err == nil && n == 0:
				return 0, io.EOF
			case err == nil:
				r.dry = n < len(b)
				return n, nil
			case err != sock.ErrAgain:
				return 0, err
			}
			r.dry = true
		}
		if r.wait == nil {
			return 0, errLater
		}
		if !r.wait() {
			return 0, errAbandoned
		}
	}
}

// Write takes everything.
func (r *raw) Write(b []byte) (int, error) {
	r.out = append(r.out, b...)
	if err := r.flush(); err != nil && err != sock.ErrAgain {
		return 0, err
	}
	return len(b), nil
}

func (r *raw) flush() error {
	sent := 0
	for sent < len(r.out) {
		n, err := sock.Write(r.fd, r.out[sent:])
		if err != nil {
			r.out = r.out[:copy(r.out, r.out[sent:])]
			return err
		}
		sent += n
	}
	r.out = r.out[:0]
	return nil
}

func (r *raw) Close() error                     { return nil }
func (r *raw) LocalAddr() net.Addr              { return nil }
func (r *raw) RemoteAddr() net.Addr             { return nil }
func (r *raw) SetDeadline(time.Time) error      { return nil }
func (r *raw) SetReadDeadline(time.Time) error  { return nil }
func (r *raw) SetWriteDeadline(time.Time) error { return nil }

// clientTLS makes every proxy do the same work: TLS 1.3, X25519,
// AES-128-GCM, no resumption. It does not verify the certificate's chain.
func clientTLS(protocol string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, ServerName: "bench.example",
		CurvePreferences: []tls.CurveID{tls.X25519}, NextProtos: []string{protocol},
		DynamicRecordSizingDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.CipherSuite != tls.TLS_AES_128_GCM_SHA256 || s.DidResume || s.NegotiatedProtocol != protocol && protocol == "h2" {
				return fmt.Errorf("cipher suite %s, protocol %q, resumed %v: want a new TLS_AES_128_GCM_SHA256 session for %q",
					tls.CipherSuiteName(s.CipherSuite), s.NegotiatedProtocol, s.DidResume, protocol)
			}
			return nil
		},
	}
}
