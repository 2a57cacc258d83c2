package sock

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/kit/buf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair returns a Conn and the plain connection at its other end.
func pair(t *testing.T, s *Sweeper) (*Conn, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := Wrap(nc, s)
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c, peer.(*net.TCPConn)
}

// running returns a sweeper and a parker that run until the test ends.
func running(t *testing.T) (*Sweeper, *Parker) {
	t.Helper()
	s := NewSweeper()
	p, err := NewParker()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	wg.Go(func() { _ = p.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return s, p
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

func TestFill(t *testing.T) {
	c, peer := pair(t, nil)
	go func() { _, _ = io.WriteString(peer, "hello") }()
	b, n, err := c.Fill(buf.Small)
	if err != nil || string(b[:n]) != "hello" {
		t.Fatalf("got %q %v", b[:n], err)
	}
	buf.Put(b)
	peer.Close()
	if b, n, err := c.Fill(buf.Small); b != nil || n != 0 || err != nil {
		t.Errorf("at the end: %d bytes of memory, %d %v", len(b), n, err)
	}
}

func TestExchange(t *testing.T) {
	t.Run("answer", func(t *testing.T) {
		c, peer := pair(t, nil)
		go func() {
			b := make([]byte, 10)
			if _, err := io.ReadFull(peer, b); err == nil {
				_, _ = peer.Write(bytes.ToUpper(b))
			}
		}()
		b, n, wrote, err := c.Exchange([]byte("hello "), []byte("body"), true, buf.Small)
		if err != nil || wrote != 10 || string(b[:n]) != "HELLO BODY" {
			t.Errorf("got %q %d %v", b[:n], wrote, err)
		}
		buf.Put(b)
	})
	t.Run("ended while idle", func(t *testing.T) {
		c, peer := pair(t, nil)
		peer.Close()
		awaitReadable(t, c)
		if _, _, wrote, err := c.Exchange([]byte("x"), nil, true, buf.Small); !errors.Is(err, ErrStale) || wrote != 0 {
			t.Errorf("got %d %v", wrote, err)
		}
	})
	t.Run("spoke unasked", func(t *testing.T) {
		c, peer := pair(t, nil)
		write(t, peer, "HTTP/1.1 200 OK\r\n")
		awaitReadable(t, c)
		if c.Alive() {
			t.Error("it looks alive")
		}
		c, peer = pair(t, nil)
		write(t, peer, "HTTP/1.1 200 OK\r\n")
		awaitReadable(t, c)
		if _, _, _, err := c.Exchange([]byte("x"), nil, true, buf.Small); !errors.Is(err, ErrStale) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("more than the socket takes at once", func(t *testing.T) {
		c, peer := pair(t, nil)
		big := bytes.Repeat([]byte("0123456789"), 1<<20)
		got := make(chan []byte, 1)
		go func() {
			b := make([]byte, len(big)+4)
			_, _ = io.ReadFull(peer, b)
			got <- b
			_, _ = io.WriteString(peer, "done")
		}()
		b, n, wrote, err := c.Exchange([]byte("head"), big, false, buf.Small)
		if err != nil || wrote != len(big)+4 || string(b[:n]) != "done" {
			t.Fatalf("got %q %d %v", b[:n], wrote, err)
		}
		buf.Put(b)
		if all := <-got; string(all[:4]) != "head" || !bytes.Equal(all[4:], big) {
			t.Error("the bytes are not those that were sent")
		}
	})
}

// awaitReadable waits until what the peer did has arrived.
func awaitReadable(t *testing.T, c *Conn) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		peeked := false
		_ = c.sys.Control(func(fd uintptr) { peeked = peek(int(fd)) })
		if peeked {
			return
		}
	}
	t.Fatal("nothing arrived")
}

func TestTimeouts(t *testing.T) {
	s, _ := running(t)
	t.Run("precise", func(t *testing.T) {
		c, _ := pair(t, s)
		c.SetTimeout(s.Now(), 20*time.Millisecond)
		if _, _, err := c.Fill(buf.Small); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("coarse", func(t *testing.T) {
		c, _ := pair(t, s)
		c.SetTimeout(s.Now()-int64(Precise), Precise+time.Millisecond)
		if _, _, err := c.Fill(buf.Small); !errors.Is(err, ErrTimeout) || !c.Expired() {
			t.Errorf("got %v, expired %v", err, c.Expired())
		}
		c.SetTimeout(0, 0)
		if !c.Expired() {
			t.Error("an expired connection came back to life")
		}
	})
	t.Run("taken back", func(t *testing.T) {
		c, peer := pair(t, s)
		c.SetTimeout(s.Now(), 20*time.Millisecond)
		c.SetTimeout(0, 0)
		go func() {
			<-time.After(60 * time.Millisecond)
			_, _ = io.WriteString(peer, "late")
		}()
		b, n, err := c.Fill(buf.Small)
		if err != nil || string(b[:n]) != "late" {
			t.Errorf("got %q %v", b[:n], err)
		}
		buf.Put(b)
	})
	t.Run("a write that nobody reads", func(t *testing.T) {
		c, _ := pair(t, s)
		c.SetTimeout(s.Now(), 50*time.Millisecond)
		if err := c.WriteTwo(make([]byte, 32<<20), nil); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("within", func(t *testing.T) {
		c, peer := pair(t, s)
		if _, _, err := c.FillWithin(buf.Small, 10*time.Millisecond); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
		write(t, peer, "x")
		b, n, err := c.Fill(buf.Small)
		if err != nil || n != 1 {
			t.Errorf("afterwards: %d %v", n, err)
		}
		buf.Put(b)
	})
	t.Run("held", func(t *testing.T) {
		c, peer := pair(t, s)
		c.HoldRead(true)
		if _, _, err := c.Fill(buf.Small); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
		c.HoldRead(false)
		write(t, peer, "x")
		if b, n, err := c.Fill(buf.Small); err != nil || n != 1 {
			t.Errorf("afterwards: %d %v", n, err)
		} else {
			buf.Put(b)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		c, _ := pair(t, s)
		go c.Interrupt()
		if _, _, err := c.Fill(buf.Small); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPark(t *testing.T) {
	s, p := running(t)
	c, peer := pair(t, s)
	for round := range 3 {
		c.SetTimeout(s.Now(), time.Minute)
		if _, _, err := c.FillIdle(s.Now(), buf.Small, true); !errors.Is(err, ErrPark) {
			t.Fatalf("round %d: got %v, want to be parked", round, err)
		}
		resumed := make(chan error, 1)
		if err := p.Park(c, func(err error) { resumed <- err }); err != nil {
			t.Fatal(err)
		}
		if p.Len() != 1 {
			t.Fatalf("%d parked", p.Len())
		}
		write(t, peer, "again")
		if err := <-resumed; err != nil {
			t.Fatalf("resumed with %v", err)
		}
		b, n, err := c.FillIdle(s.Now(), buf.Small, true)
		if err != nil || string(b[:n]) != "again" {
			t.Fatalf("got %q %v", b[:n], err)
		}
		buf.Put(b)
	}
	t.Run("time passes", func(t *testing.T) {
		resumed := make(chan error, 1)
		c.SetTimeout(s.Now()-int64(Precise), Precise+time.Millisecond)
		if err := p.Park(c, func(err error) { resumed <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-resumed; !errors.Is(err, ErrTimeout) {
			t.Errorf("resumed with %v", err)
		}
	})
	t.Run("peer leaves", func(t *testing.T) {
		c, peer := pair(t, s)
		resumed := make(chan error, 1)
		if err := p.Park(c, func(err error) { resumed <- err }); err != nil {
			t.Fatal(err)
		}
		peer.Close()
		if err := <-resumed; err != nil {
			t.Errorf("resumed with %v", err)
		}
	})
	t.Run("all", func(t *testing.T) {
		const many = 50
		resumed := make(chan error, many)
		for range many {
			c, _ := pair(t, s)
			if err := p.Park(c, func(err error) { resumed <- err }); err != nil {
				t.Fatal(err)
			}
		}
		p.TakeAll(ErrTimeout)
		for range many {
			if err := <-resumed; !errors.Is(err, ErrTimeout) {
				t.Errorf("resumed with %v", err)
			}
		}
		if p.Len() != 0 {
			t.Errorf("%d parked", p.Len())
		}
	})
}

func TestGone(t *testing.T) {
	s, _ := running(t)
	c, peer := pair(t, s)
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	awaitReadable(t, c)
	if c.HungUp() {
		t.Error("a peer that only stopped sending counts as gone")
	}
	gone := make(chan struct{})
	c.OnGone(func() { close(gone) })
	if err := peer.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	peer.Close() // with a reset
	<-gone
	if !c.HungUp() {
		t.Error("a peer that reset the connection counts as there")
	}
}

// TestGeneric checks the same operations without a descriptor.
func TestGeneric(t *testing.T) {
	a, b := net.Pipe()
	c := Wrap(a, nil)
	defer c.Close()
	defer b.Close()
	go func() {
		p := make([]byte, 64)
		n, _ := io.ReadFull(b, p[:8])
		_, _ = b.Write(bytes.ToUpper(p[:n]))
		b.Close()
	}()
	m, n, _, err := c.Exchange([]byte("head"), []byte("body"), true, buf.Small)
	if err != nil || string(m[:n]) != "HEADBODY" {
		t.Fatalf("got %q %v", m[:n], err)
	}
	buf.Put(m)
	if m, n, err := c.Fill(buf.Small); m != nil || n != 0 || err != nil {
		t.Errorf("at the end: %d %v", n, err)
	}
}

func TestAllocations(t *testing.T) {
	c, peer := pair(t, nil)
	p := make([]byte, 64)
	out := []byte("hello")
	got := testing.AllocsPerRun(500, func() {
		if _, err := peer.Write(out); err != nil {
			t.Fatal(err)
		}
		b, _, err := c.Fill(buf.Small)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.WriteTwo(b[:2], b[2:5]); err != nil {
			t.Fatal(err)
		}
		buf.Put(b)
		if _, err := io.ReadFull(peer, p[:5]); err != nil {
			t.Fatal(err)
		}
	})
	if got >= 0.5 && !raceEnabled {
		t.Errorf("%v allocations", got)
	}
}
