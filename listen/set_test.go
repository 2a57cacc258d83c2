package listen

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fairlead.dev/fairlead/kit/sock"
)

// env makes an environment of lines.
func env(lines ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, l := range lines {
			if n, v, _ := strings.Cut(l, "="); n == name {
				return v, true
			}
		}
		return "", false
	}
}

// helperEnv makes this binary a process that takes sockets over: see TestMain.
const helperEnv = "LISTEN_TEST_HELPER"

// helper takes over the sockets for the addresses in its arguments, accepts one
// connection on each of TCP, answers with the port, and ends.
func helper() error {
	s, err := NewSet(os.LookupEnv)
	if err != nil {
		return err
	}
	for _, address := range strings.Split(os.Getenv(helperEnv), ",") {
		ln, err := s.Listen(context.Background(), address)
		if err != nil {
			return err
		}
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, ln.Addr().String()); err != nil {
			return err
		}
		_ = c.Close()
		_ = ln.Close()
	}
	_, err = io.WriteString(os.Stdout, "unused "+strings.Join(s.CloseUnused(), " "))
	return err
}

// TestHandover checks that another process takes over sockets, connections that
// wait in their queues included, and that this one goes on as it was.
func TestHandover(t *testing.T) {
	s, err := NewSet(env())
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := s.Listen(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	packets, err := s.ListenPacket(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	h, err := s.Handover()
	if err != nil {
		t.Fatal(err)
	}
	early, err := net.Dial("tcp", first.Addr().String()) // waits in the queue
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(Clean(os.Environ()), h.Env, helperEnv+"=127.0.0.1:0,"+second.Addr().String())
	cmd.ExtraFiles = h.Files
	cmd.Stderr = os.Stderr
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.Close()
	for _, c := range []net.Conn{early, dialAddr(t, second.Addr())} {
		text, err := io.ReadAll(c)
		if err != nil || string(text) != c.RemoteAddr().String() {
			t.Errorf("got %q, %v; want %s", text, err, c.RemoteAddr())
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := "unused " + packets.LocalAddr().String(); out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	// Ours still work: they were not made blocking, which both processes share.
	for _, ln := range []net.Listener{first, second} {
		accepted := make(chan error, 1)
		go func() {
			c, err := ln.Accept()
			if err == nil {
				_ = c.Close()
			}
			accepted <- err
		}()
		dialAddr(t, ln.Addr())
		if err := <-accepted; err != nil {
			t.Error(err)
		}
		go func() { _, err := ln.Accept(); accepted <- err }()
		_ = ln.Close()
		if err := <-accepted; err == nil {
			t.Error("a closed listener accepts")
		}
	}
}

func dialAddr(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestSystemd checks that sockets are found by what they are bound to, under
// the variables of socket activation.
func TestSystemd(t *testing.T) {
	if s, err := NewSet(env("LISTEN_PID=1", "LISTEN_FDS=5")); err != nil || len(s.inherited) != 0 {
		t.Errorf("those of another process: %v", err)
	}
	if _, err := NewSet(env("LISTEN_PID="+strconv.Itoa(os.Getpid()), "LISTEN_FDS=x")); err == nil {
		t.Error("a number that is none")
	}
}

func TestSameAddress(t *testing.T) {
	for _, test := range []struct {
		bound, address string
		want           bool
	}{
		{"[::]:9090", ":9090", true}, {"0.0.0.0:9090", ":9090", true}, {"127.0.0.1:9090", ":9090", false},
		{"127.0.0.1:9090", "127.0.0.1:9090", true}, {"127.0.0.1:9090", "127.0.0.2:9090", false}, {"[::1]:9090", "[::1]:9090", true},
		{"127.0.0.1:9090", "127.0.0.1:9091", false}, {"127.0.0.1:9090", "localhost:9090", false}, {"127.0.0.1:0", "127.0.0.1:0", false}, {"127.0.0.1:1", "nonsense", false},
	} {
		if got := sameAddress(netip.MustParseAddrPort(test.bound), test.address); got != test.want {
			t.Errorf("%s for %s: %v", test.bound, test.address, got)
		}
	}
}

func TestBadSockets(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for want, text := range map[string]string{
		"expected descriptor=network@address": "3",
		"found \"x=tcp@:1\"":                  "x=tcp@:1",
		"found \"2=tcp@:1\"":                  "2=tcp@:1",
		"descriptor 900":                      "900=tcp@:1",
		"look at its address":                 strconv.Itoa(int(file.Fd())) + "=tcp@:1",
	} {
		if _, err := NewSet(env(envSockets + "=" + text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestClean(t *testing.T) {
	got := Clean([]string{"A=1", "FAIRLEAD_LISTENERS=3=tcp@:1", "LISTEN_FDS=1", "LISTEN_PID=1", "LISTEN_FDS_X=1"})
	if strings.Join(got, " ") != "A=1 LISTEN_FDS_X=1" {
		t.Errorf("got %v", got)
	}
}

// TestSetKeepsAlive checks that accepted connections have TCP keep-alive.
func TestSetKeepsAlive(t *testing.T) {
	s, _ := NewSet(env())
	ln, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialAddr(t, ln.Addr())
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := sock.Wrap(nc, nil)
	defer c.Close()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	on := 0
	_ = raw.Control(func(fd uintptr) { on, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) })
	if on == 0 || err != nil {
		t.Errorf("got %d, %v", on, err)
	}
}
