package sock

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/certtest"
)

// secure returns a Conn under TLS, as a server has it, and its client.
func secure(t testing.TB, s *Sweeper) (*Conn, *tls.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	pair := certtest.New(t, "test").Server(t, "example.org").TLS
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer := tls.Client(&slow{Conn: raw}, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // of a test
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	tc := tls.Server(NewLower(nc), &tls.Config{Certificates: []tls.Certificate{pair}})
	c := Wrap(tc, s)
	t.Cleanup(func() { _ = c.Close(); _ = peer.Close() })
	done := make(chan error, 1)
	go func() { done <- peer.Handshake() }()
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c, peer
}

// TestTLSFill checks that all of a record is read at once, and that what does
// not fit stays.
func TestTLSFill(t *testing.T) {
	c, peer := secure(t, nil)
	for _, text := range []string{"x", "hello", string(bytes.Repeat([]byte("0123456789"), 500))} {
		write(t, peer, text)
		var got []byte
		for len(got) < len(text) {
			b, n, err := c.Fill(buf.Small)
			if err != nil || n == 0 {
				t.Fatalf("got %d %v", n, err)
			}
			if len(text) < mss && n != len(text) {
				t.Errorf("a record of %d bytes: got %d at once", len(text), n)
			}
			got = append(got, b[:n]...)
			buf.Put(b)
		}
		if string(got) != text {
			t.Errorf("got %d bytes, want %d", len(got), len(text))
		}
	}
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, n, err := c.Fill(buf.Small); b != nil || n != 0 || err != nil {
		t.Errorf("at the end: %d bytes of memory, %d %v", len(b), n, err)
	}
}

// TestTLSWrite checks that what is gathered arrives whole and in order.
func TestTLSWrite(t *testing.T) {
	c, peer := secure(t, nil)
	big := bytes.Repeat([]byte("0123456789abcdef"), 40<<10)
	for _, sizes := range [][2]int{{1, 0}, {0, 1}, {100, 200}, {100, mss}, {3000, 20_000}, {100, len(big)}, {len(big), 0}} {
		done := make(chan error, 1)
		go func() { done <- c.WriteTwo(big[:sizes[0]], big[len(big)-sizes[1]:]) }()
		got := make([]byte, sizes[0]+sizes[1])
		if _, err := io.ReadFull(peer, got); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got[:sizes[0]], big[:sizes[0]]) || !bytes.Equal(got[sizes[0]:], big[len(big)-sizes[1]:]) {
			t.Errorf("%v: something else arrived", sizes)
		}
	}
}

// TestTLSParks checks that an idle connection is parked, comes back with its
// first byte, and that what it says is whole.
func TestTLSParks(t *testing.T) {
	s, p := running(t)
	c, peer := secure(t, s)
	for range 3 {
		if _, _, err := c.FillIdle(c.Now()-int64(ParkAfter), buf.Small, true); !errors.Is(err, ErrPark) {
			t.Fatalf("got %v", err)
		}
		resumed := make(chan error, 1)
		if err := p.Park(c, func(err error) { resumed <- err }); err != nil {
			t.Fatal(err)
		}
		write(t, peer, "hello")
		if err := <-resumed; err != nil {
			t.Fatal(err)
		}
		b, n, err := c.FillIdle(c.Now(), buf.Small, true)
		if err != nil || string(b[:n]) != "hello" {
			t.Fatalf("got %q %v", b[:n], err)
		}
		buf.Put(b)
	}
}

// TestTLSCloseDoesNotWait checks that closing does not wait for a peer that
// reads nothing, whether something else is being written or not.
func TestTLSCloseDoesNotWait(t *testing.T) {
	for _, writing := range []bool{false, true} {
		c, _ := secure(t, nil)
		_ = c.low.SetWriteBuffer(4 << 10)
		done := make(chan struct{})
		big := make([]byte, 8<<20)
		if writing {
			go func() { defer close(done); _ = c.WriteTwo(big, nil) }()
			waitBlocked(t, c)
		} else {
			c.SetTimeout(0, 50*time.Millisecond)
			if err := c.WriteTwo(big, nil); err == nil {
				t.Fatal("nobody reads and it is written")
			}
			close(done)
		}
		closed := make(chan struct{})
		go func() { defer close(closed); _ = c.Close() }()
		waitFor(t, "it is closed", closed)
		waitFor(t, "the writer ends", done)
	}
}

// waitBlocked waits until the socket of c takes no more.
func waitBlocked(t *testing.T, c *Conn) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); c.low.mu.TryLock(); <-tick.C {
		c.low.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatal("the writer is not stuck")
		}
	}
}

// TestTLSAlive checks that the end of a connection, and what comes unasked, is
// seen, and that nothing is lost of one that is well.
func TestTLSAlive(t *testing.T) {
	c, peer := secure(t, nil)
	if !c.Alive() {
		t.Fatal("a healthy connection seems dead")
	}
	write(t, peer, "hi")
	b, n, err := c.Fill(buf.Small)
	if n != 2 || err != nil {
		t.Fatalf("got %d bytes, %v", n, err)
	}
	buf.Put(b)
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); c.Alive(); {
		if time.Now().After(deadline) {
			t.Fatal("the end is not seen")
		}
	}
}

// TestReset checks that a connection that is reset does not look ended.
func TestReset(t *testing.T) {
	c, peer := secure(t, nil)
	c.Reset()
	if _, err := peer.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("under TLS: got %v", err)
	}
	plain, other := pair(t, nil)
	plain.Reset()
	if _, err := other.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("plain: got %v", err)
	}
}

// TestOnClose checks that it is called once.
func TestOnClose(t *testing.T) {
	c, _ := pair(t, nil)
	n := 0
	c.OnClose(func() { n++ })
	_ = c.Close()
	_ = c.Close()
	if n != 1 {
		t.Errorf("called %d times", n)
	}
}
