package judges

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// order is what an attacker is to do.
type order struct {
	Name          string
	Secure, Plain string // addresses
	From          string // the attacker's own
	Dose          int
}

// orderVariable is where the process of an attacker finds its order.
const orderVariable = "FAIRLEAD_SIEGE"

// attacker is the process that attacks, as the test sees it.
type attacker struct {
	t     *testing.T
	in    io.WriteCloser
	news  chan string
	dosed chan struct{} // closed when the dose of this phase is given
	did   int
}

// newAttacker starts the process: this program again, see TestMain.
func newAttacker(t *testing.T, o order) *attacker {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), orderVariable+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &attacker{t: t, in: in, news: make(chan string, 16)}
	var done sync.WaitGroup
	done.Go(func() {
		defer close(a.news)
		for s := bufio.NewScanner(out); s.Scan(); {
			a.news <- s.Text()
		}
	})
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill()
		for range a.news {
		}
		done.Wait()
		_ = cmd.Wait()
	})
	return a
}

// begin begins the attack. The channel is closed when the dose is given.
func (a *attacker) begin() <-chan struct{} {
	dosed := make(chan struct{})
	a.dosed = dosed
	fmt.Fprintln(a.in, "attack")
	go func() {
		defer close(dosed)
		<-a.news
	}()
	return dosed
}

// end ends it.
func (a *attacker) end() {
	a.t.Helper()
	fmt.Fprintln(a.in, "rest")
	<-a.dosed
	for text := range a.news {
		if did, ok := strings.CutPrefix(text, "did "); ok {
			a.did, _ = strconv.Atoi(did)
			return
		}
	}
	a.t.Fatal("the attacker is gone")
}

// attackFor does what an order says, in the process of the attacker: "attack" and
// "rest" come in lines.
func attackFor(text string) error {
	w := &weapon{}
	if err := json.Unmarshal([]byte(text), &w.order); err != nil {
		return err
	}
	run := attackers[w.Name]
	if run == nil {
		run = h3Attackers[w.Name]
	}
	if run == nil {
		return fmt.Errorf("nobody knows how to attack with %q", w.Name)
	}
	// The honest ones go first: all threads of the group, the process alone.
	_ = syscall.Setpriority(syscall.PRIO_PGRP, 0, 5)
	var done sync.WaitGroup
	rest := func() {}
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		switch s.Text() {
		case "attack":
			ctx, cancel := context.WithCancel(context.Background())
			rest = cancel
			w.ctx, w.dosed = ctx, sync.OnceFunc(func() { fmt.Println("dosed") })
			w.count.Store(0)
			done.Go(func() { run(w) })
		case "rest":
			rest()
			done.Wait()
			w.drop()
			w.dosed()
			fmt.Println("did", w.count.Load())
		}
	}
	rest()
	return nil
}

// weapon is what attacks are made with.
type weapon struct {
	order
	ctx   context.Context
	dosed func()
	count atomic.Int64
	turn  atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// hit counts what was done.
func (w *weapon) hit(n int) {
	if w.count.Add(int64(n)) >= int64(w.Dose) {
		w.dosed()
	}
}

// each calls do rate times a second in all, by so many at once.
func (w *weapon) each(at, rate int, do func()) {
	var done sync.WaitGroup
	every := time.Duration(at) * time.Second / time.Duration(rate)
	for i := range at {
		done.Go(func() {
			// One after the other, not all together.
			w.wait(every * time.Duration(i) / time.Duration(at))
			for next := time.Now(); w.ctx.Err() == nil; {
				do()
				// Who is late catches up a little, but not in one go.
				if next = next.Add(every); time.Since(next) > 100*time.Millisecond {
					next = time.Now()
				}
				w.wait(time.Until(next))
			}
		})
	}
	done.Wait()
}

// wait lets time go by, unless the attack ends.
func (w *weapon) wait(d time.Duration) {
	select {
	case <-w.ctx.Done():
	case <-time.After(d):
	}
}

// hold opens n connections, rate a second, and keeps them.
func (w *weapon) hold(n, rate int, open func() net.Conn) {
	var left atomic.Int64
	left.Store(int64(n))
	w.each(8, rate, func() {
		if left.Add(-1) < 0 {
			return
		}
		if open() != nil {
			w.hit(1)
			return
		}
		left.Add(1)
	})
}

// dial connects.
func (w *weapon) dial(address string) net.Conn {
	d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1, LocalAddr: &net.TCPAddr{IP: net.ParseIP(w.From)}}
	nc, err := d.DialContext(w.ctx, "tcp", address)
	if err != nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns == nil {
		w.conns = map[net.Conn]struct{}{}
	}
	w.conns[nc] = struct{}{}
	if w.ctx.Err() != nil {
		nc.Close()
	}
	return nc
}

// close ends a connection at once.
func (w *weapon) close(nc net.Conn) {
	w.mu.Lock()
	delete(w.conns, nc)
	w.mu.Unlock()
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	nc.Close()
}

// drop ends all.
func (w *weapon) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for nc := range w.conns {
		if t, ok := nc.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		nc.Close()
	}
	clear(w.conns)
}

// tls connects and does a handshake.
func (w *weapon) tls(name string, protocols ...string) (*tls.Conn, net.Conn) {
	nc := w.dial(w.Secure)
	if nc == nil {
		return nil, nil
	}
	// Who attacks looks at no certificate.
	tc := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protocols})
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	if tc.HandshakeContext(w.ctx) != nil {
		w.close(nc)
		return nil, nil
	}
	_ = nc.SetDeadline(time.Time{})
	return tc, nc
}

// once connects, sends, reads for a while at most, and leaves.
func (w *weapon) once(address, text string) {
	nc := w.dial(address)
	if nc == nil {
		return
	}
	defer w.close(nc)
	stop := context.AfterFunc(w.ctx, func() { nc.Close() })
	defer stop()
	_ = nc.SetDeadline(time.Now().Add(3 * time.Second))
	var done sync.WaitGroup
	done.Go(func() { _, _ = io.WriteString(nc, text) })
	_, _ = io.Copy(io.Discard, nc)
	w.hit(1)
	nc.Close()
	done.Wait()
}
