package sock

import (
	"errors"
	"net"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/buf"
)

// waitFor fails the test when done is not closed in time.
func waitFor(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it did not happen in time: " + what)
	}
}

// TestInterruptIsFinal checks that no change of limits takes an interruption
// back: whoever waits afterwards would wait for ever.
func TestInterruptIsFinal(t *testing.T) {
	changes := map[string]func(*Conn){
		"no limit":        func(c *Conn) { c.SetTimeout(c.Now(), 0) },
		"long limit":      func(c *Conn) { c.SetTimeout(c.Now(), time.Hour) },
		"precise limit":   func(c *Conn) { c.SetTimeout(c.Now(), Precise-1) },
		"reads are freed": func(c *Conn) { c.HoldRead(false) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s, _ := running(t)
			c, _ := pair(t, s)
			c.SetTimeout(c.Now(), Precise-1)
			c.Interrupt()
			change(c)
			done := make(chan struct{})
			go func() {
				defer close(done)
				if _, _, err := c.Fill(buf.Small); !errors.Is(err, ErrTimeout) {
					t.Errorf("got %v", err)
				}
			}()
			waitFor(t, "the read fails", done)
		})
	}
}

// TestPreciseLimitOfIdle checks that a connection with a limit just above
// ParkAfter ends in time: parked, nobody would watch that limit.
func TestPreciseLimitOfIdle(t *testing.T) {
	s, _ := running(t)
	c, _ := pair(t, s)
	c.SetTimeout(c.Now(), ParkAfter+2*sweepEvery)
	if _, _, err := c.FillIdle(c.Now(), buf.Small, true); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want the time limit", err)
	}
}

// TestHoldReadKeepsTheLimit checks that freeing reads leaves the time limit.
func TestHoldReadKeepsTheLimit(t *testing.T) {
	s, _ := running(t)
	c, _ := pair(t, s)
	c.SetTimeout(c.Now(), 100*time.Millisecond)
	c.HoldRead(true)
	c.HoldRead(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, _, err := c.Fill(buf.Small); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
	}()
	waitFor(t, "the limit passes", done)
}

// TestEndWaits checks that only those that wait in FillIdle are ended, and that
// their connections are as good as before.
func TestEndWaits(t *testing.T) {
	s, _ := running(t)
	idle, _ := pair(t, s)
	busy, peer := pair(t, s)
	ended, read := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if _, _, err := idle.FillIdle(idle.Now(), buf.Small, false); !errors.Is(err, ErrPark) {
			t.Errorf("got %v, want ErrPark", err)
		}
		if idle.Expired() {
			t.Error("the connection is spoiled")
		}
	}()
	go func() {
		defer close(read)
		b, n, err := busy.Fill(buf.Small)
		if n != 1 || err != nil {
			t.Errorf("got %d bytes, %v", n, err)
		}
		buf.Put(b)
	}()
	for waiting := true; waiting; {
		s.EndWaits()
		select {
		case <-ended:
			waiting = false
		default:
		}
	}
	s.EndWaits()
	write(t, peer, "x")
	waitFor(t, "the read", read)
}

// wrapped is a connection that is not just a socket.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

// TestAliveBelowALayer checks that the end of a connection is seen below what
// stands for TLS, without harm to one that is well.
func TestAliveBelowALayer(t *testing.T) {
	s, _ := running(t)
	plain, peer := pair(t, s)
	c := Wrap(wrapped{plain.NetConn()}, s)
	defer c.Close()
	c.SetTimeout(c.Now(), Precise-1)
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
	deadline := time.Now().Add(10 * time.Second)
	for c.Alive() {
		if time.Now().After(deadline) {
			t.Fatal("the end is not seen")
		}
	}
	if _, _, wrote, err := c.Exchange([]byte("GET"), nil, true, buf.Small); !errors.Is(err, ErrStale) || wrote != 0 {
		t.Errorf("wrote %d, %v; want ErrStale", wrote, err)
	}
}

// TestExchangeLooksFirst checks that what the peer did before the exchange is
// seen: the poller would not report it again.
func TestExchangeLooksFirst(t *testing.T) {
	for name, before := range map[string]func(*net.TCPConn) error{
		"spoke":           func(c *net.TCPConn) error { _, err := c.Write([]byte("SSH-2.0")); return err },
		"stopped sending": func(c *net.TCPConn) error { return c.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := running(t)
			c, peer := pair(t, s)
			if err := before(peer); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for { // until it has arrived
					b, n, wrote, err := c.Exchange([]byte("x"), nil, false, buf.Small)
					if err == nil || wrote == 0 {
						if !errors.Is(err, ErrStale) && n == 0 && name == "spoke" {
							t.Errorf("wrote %d, read %d, %v", wrote, n, err)
						}
						if n > 0 {
							buf.Put(b)
						}
						return
					}
				}
			}()
			waitFor(t, "the exchange ends", done)
		})
	}
}
