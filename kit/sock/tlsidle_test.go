package sock

import (
	"crypto/tls"
	"net"
	"runtime"
	"sync"
	"testing"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/certtest"
)

// What one idle TLS connection may cost, in bytes: with a goroutine that waits,
// its stack included, and parked.
const (
	mostIdle   = 20 << 10
	mostParked = 12 << 10
)

// TestTLSIdleMemory checks what idle connections cost that have served a
// request.
func TestTLSIdleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const count = 300
	s, p := running(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	server := &tls.Config{Certificates: []tls.Certificate{certtest.New(t, "test").Server(t, "example.org").TLS}}
	conns, peers := make([]*Conn, count), make([]net.Conn, count)
	defer func() {
		for i := range conns {
			_ = conns[i].Close()
			_ = peers[i].Close()
		}
	}()
	before, beforeStacks := inUse()
	for i := range conns {
		if peers[i], err = net.Dial("tcp", ln.Addr().String()); err != nil {
			t.Fatal(err)
		}
		nc, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		// What TLS needs at the client's end is not kept.
		peer := tls.Client(peers[i], &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // of a test
		conns[i] = Wrap(tls.Server(NewLower(nc), server), s)
		done := make(chan error, 1)
		go func() { done <- serveTLS(conns[i], 1) }()
		if _, err := peer.Write(make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Read(make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	parked := make(chan *Conn, count)
	for _, c := range conns {
		wg.Go(func() { // as deep as a server is
			_, _, err := c.FillIdle(c.Now(), buf.Medium, true)
			if err == ErrPark {
				parked <- c
			} else {
				t.Errorf("got %v", err)
			}
		})
	}
	heap, stacks := inUse()
	waiting := heap + stacks - before - beforeStacks
	wg.Wait()
	for range conns {
		if err := p.Park(<-parked, func(error) {}); err != nil {
			t.Fatal(err)
		}
	}
	heap, _ = inUse()
	idle := heap - before
	t.Logf("bytes for each: %d waiting, %d parked", waiting/count, idle/count)
	if waiting > count*mostIdle || idle > count*mostParked {
		t.Errorf("want at most %d and %d", mostIdle, mostParked)
	}
}

// inUse returns the bytes of heap and stacks that are in use.
func inUse() (heap, stacks int64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}
