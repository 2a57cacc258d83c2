package sock

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/buf"
)

// slow is a client's socket whose writes are kept until they are let go.
type slow struct {
	net.Conn
	mu   sync.Mutex
	kept *bytes.Buffer // nil: writes pass
}

func (s *slow) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept != nil {
		return s.kept.Write(p)
	}
	return s.Conn.Write(p)
}

// keep makes do write into memory and returns what it wrote.
func (s *slow) keep(do func()) []byte {
	s.mu.Lock()
	s.kept = &bytes.Buffer{}
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.kept.Bytes()
	s.kept = nil
	return b
}

// TestTLSParksWithinRecord cuts a record at each byte: the connection is parked
// with what came of it, and nothing is lost.
func TestTLSParksWithinRecord(t *testing.T) {
	s, p := running(t)
	c, peer := secure(t, s)
	line, _ := peer.NetConn().(*slow)
	const text = "GET /"
	record := line.keep(func() { write(t, peer, text) })
	for at := 1; at < len(record); at++ {
		if at > 1 {
			record = line.keep(func() { write(t, peer, text) })
		}
		if _, err := line.Conn.Write(record[:at]); err != nil {
			t.Fatal(err)
		}
		awaitReadable(t, c)
		if _, _, err := c.FillIdle(c.Now()-int64(ParkAfter), buf.Small, true); !errors.Is(err, ErrPark) {
			t.Fatalf("at %d: %v", at, err)
		}
		resumed := make(chan error, 1)
		if err := p.Park(c, func(err error) { resumed <- err }); err != nil {
			t.Fatal(err)
		}
		if _, err := line.Conn.Write(record[at:]); err != nil {
			t.Fatal(err)
		}
		if err := <-resumed; err != nil {
			t.Fatal(err)
		}
		b, n, err := c.FillIdle(c.Now(), buf.Small, true)
		if err != nil || string(b[:n]) != text {
			t.Fatalf("at %d: got %q %v", at, b[:n], err)
		}
		buf.Put(b)
		if at >= 12 { // the header and a part of what follows
			break
		}
	}
}

// TestTLSEndWaits checks that only those that wait in FillIdle are ended, and
// that their connections are as good as before.
func TestTLSEndWaits(t *testing.T) {
	s, _ := running(t)
	c, peer := secure(t, s)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, _, err := c.FillIdle(c.Now(), buf.Small, false); !errors.Is(err, ErrPark) {
			t.Errorf("got %v, want ErrPark", err)
		}
	}()
	for waiting := true; waiting; {
		s.EndWaits()
		select {
		case <-ended:
			waiting = false
		default:
		}
	}
	write(t, peer, "x")
	b, n, err := c.Fill(buf.Small)
	if n != 1 || err != nil {
		t.Fatalf("got %d %v", n, err)
	}
	buf.Put(b)
	if err := c.WriteTwo([]byte("still "), []byte("there")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 11)
	if _, err := io.ReadFull(peer, got); err != nil || string(got) != "still there" {
		t.Errorf("got %q %v", got, err)
	}
}

// TestTLSLimits checks that time limits, interruptions and held reads work as
// without TLS, and which of them leave the connection as it was.
func TestTLSLimits(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(c *Conn)
		usual bool // the connection can be used further
	}{
		"a precise limit": {func(c *Conn) { c.SetTimeout(c.Now(), 20*time.Millisecond) }, false},
		"an interruption": {func(c *Conn) { go c.Interrupt() }, false},
		"a held read":     {func(c *Conn) { c.HoldRead(true) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := running(t)
			c, peer := secure(t, s)
			test.end(c)
			if _, _, err := c.Fill(buf.Small); !errors.Is(err, ErrTimeout) {
				t.Fatalf("got %v", err)
			}
			if !test.usual {
				return
			}
			c.HoldRead(false)
			write(t, peer, "x")
			b, n, err := c.Fill(buf.Small)
			if n != 1 || err != nil {
				t.Errorf("got %d %v", n, err)
			}
			buf.Put(b)
		})
	}
	t.Run("a wait with an end", func(t *testing.T) {
		c, peer := secure(t, nil)
		if _, _, err := c.FillWithin(buf.Small, 10*time.Millisecond); !errors.Is(err, ErrTimeout) {
			t.Fatalf("got %v", err)
		}
		write(t, peer, "x")
		b, n, err := c.FillWithin(buf.Small, 10*time.Second)
		if n != 1 || err != nil {
			t.Errorf("got %d %v", n, err)
		}
		buf.Put(b)
	})
}

// TestTLSGone checks that a client that closes or resets its connection is
// noticed while nobody reads from it, and that whatever was asked for it ends.
func TestTLSGone(t *testing.T) {
	for name, leave := range map[string]func(*tls.Conn){
		"closed": func(c *tls.Conn) { _ = c.Close() },
		"reset": func(c *tls.Conn) {
			line, _ := c.NetConn().(*slow)
			tcp, _ := line.Conn.(*net.TCPConn)
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := running(t)
			client, peer := secure(t, s)
			backend, _ := secure(t, s)
			gone := make(chan struct{})
			client.OnGone(func() { close(gone) })
			backend.Pair(client)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if _, _, err := backend.Fill(buf.Small); !errors.Is(err, ErrTimeout) {
					t.Errorf("got %v", err)
				}
			}()
			if client.HungUp() {
				t.Error("it seems gone at once")
			}
			leave(peer)
			waitFor(t, "it is noticed", gone)
			waitFor(t, "the other end is interrupted", ended)
			if backend.Unpair() {
				t.Error("the pair says nothing of it")
			}
		})
	}
}

// TestTLSExchange checks the answer, and that what came unasked is noticed.
func TestTLSExchange(t *testing.T) {
	c, peer := secure(t, nil)
	go func() {
		b := make([]byte, 10)
		if _, err := io.ReadFull(peer, b); err == nil {
			_, _ = peer.Write(bytes.ToUpper(b))
		}
	}()
	b, n, wrote, err := c.Exchange([]byte("hello "), []byte("body"), true, buf.Small)
	if err != nil || wrote != 10 || string(b[:n]) != "HELLO BODY" {
		t.Fatalf("got %q %d %v", b[:n], wrote, err)
	}
	buf.Put(b)
	write(t, peer, "unasked")
	awaitReadable(t, c)
	if _, _, wrote, err := c.Exchange([]byte("x"), nil, true, buf.Small); !errors.Is(err, ErrStale) || wrote != 0 {
		t.Errorf("got %d %v", wrote, err)
	}
}

// TestTLSAllocations checks what a request and its answer take: what crypto/tls
// allocates for a record that it reads, at each end.
func TestTLSAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c, peer := secure(t, nil)
	request, answer := make([]byte, 150), make([]byte, 1024)
	big := make([]byte, 10<<10)
	got := testing.AllocsPerRun(500, func() {
		if _, err := peer.Write(request); err != nil {
			t.Fatal(err)
		}
		b, _, err := c.FillIdle(0, buf.Medium, false)
		if err != nil {
			t.Fatal(err)
		}
		buf.Put(b)
		if err := c.WriteTwo(answer[:100], answer[100:200]); err != nil {
			t.Fatal(err)
		}
		if err := c.WriteTwo(answer[:100], big); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < 200+100+len(big); {
			m, err := peer.Read(answer)
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
	})
	if got > 8 {
		t.Errorf("%v allocations", got)
	}
}
