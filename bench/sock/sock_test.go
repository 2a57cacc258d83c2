package sock

import (
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pair is a connection through loopback.
func pair(t *testing.T) (client, server int) {
	t.Helper()
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer Close(l)
	addr, err := Addr(l)
	if err != nil {
		t.Fatal(err)
	}
	client, err = Dial(addr, netip.MustParseAddr("127.0.1.1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(client) })
	await(t, l, In)
	if server, err = Accept(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(server) })
	if from, err := Addr(client); err != nil || from.Addr().String() != "127.0.1.1" {
		t.Errorf("client dialled from %v, %v", from, err)
	}
	return client, server
}

// await waits until a socket is ready.
func await(t *testing.T, fd int, bits uint32) {
	t.Helper()
	p, err := NewPoll(4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Add(fd, bits); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		events, err := p.Wait(100 * time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 1 && int(events[0].Fd) == fd {
			return
		}
	}
	t.Fatal("socket does not become ready")
}

func TestReadWriteDiscard(t *testing.T) {
	client, server := pair(t)
	if _, err := Read(server, make([]byte, 10)); err != ErrAgain {
		t.Errorf("read of nothing: %v", err)
	}
	if n, err := Write(client, []byte("hello, world")); n != 12 || err != nil {
		t.Fatal(n, err)
	}
	await(t, server, In)
	if n, err := Discard(server, 7); n != 7 || err != nil {
		t.Errorf("discard: %d, %v", n, err)
	}
	buf := make([]byte, 10)
	if n, err := Read(server, buf); err != nil || string(buf[:n]) != "world" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	CloseWithReset(client)
	Close(client)
	await(t, server, In)
	if _, err := Read(server, buf); err == nil || err == ErrAgain {
		t.Errorf("after a reset: %v", err)
	}
}

func TestWaitTimesOut(t *testing.T) {
	p, err := NewPoll(1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond} {
		if events, err := p.Wait(d); len(events) != 0 || err != nil {
			t.Errorf("%v: %v, %v", d, events, err)
		}
	}
	if err := p.Add(1<<20, In); err == nil {
		t.Error("no error for a descriptor that does not exist")
	}
}

func TestPin(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	if err := Pin(-1); err != nil {
		t.Error(err)
	}
	if now, err := Affinity(); err != nil || now != before {
		t.Errorf("pinned to nothing: %v, %v, want %v", now, err, before)
	}
	if err := Pin(0); err != nil {
		t.Fatal(err)
	}
	if now, err := Affinity(); err != nil || now != (CPUs{1}) {
		t.Errorf("pinned to CPU 0: %v, %v", now, err)
	}
	if err := SetAffinity(before); err != nil {
		t.Error(err)
	}
	for name, pin := range map[string]func(int) error{"Pin": Pin, "PinProcess": PinProcess} {
		if err := pin(5000); err == nil {
			t.Errorf("%s: no error for CPU 5000", name)
		}
	}
}

// TestPinProcess looks at a thread that was there before.
func TestPinProcess(t *testing.T) {
	before, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	ask, answer := make(chan bool), make(chan CPUs)
	go func() {
		runtime.LockOSThread()
		for range ask {
			set, _ := Affinity()
			answer <- set
		}
	}()
	defer close(ask)
	ask <- true
	if set := <-answer; set != before {
		t.Fatalf("another thread has %v, this one %v", set, before)
	}
	if err := PinProcess(0); err != nil {
		t.Fatal(err)
	}
	ask <- true
	if set := <-answer; set != (CPUs{1}) {
		t.Errorf("another thread has %v after the process was pinned to CPU 0", set)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			setAffinity(id, before) // it may have ended
		}
	}
}

func TestListenSaysTheAddress(t *testing.T) {
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer Close(l)
	addr, err := Addr(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(addr); err == nil || !strings.Contains(err.Error(), addr.String()) {
		t.Errorf("the port is in use: %v", err)
	}
}
