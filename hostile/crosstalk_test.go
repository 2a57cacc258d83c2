package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCrossTalk: two tenants with a secret each, over shared connections to one
// backend, some of them breaking off: nobody ever gets what is the other's.
func TestCrossTalk(t *testing.T) {
	want, limit := int64(200_000), 40*time.Second
	if testing.Short() {
		want = 20_000
	}
	back := startRaw(t, func(c net.Conn) { // echoes the canary in field and body
		r := bufio.NewReader(c)
		w := bufio.NewWriter(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			canary := req.Header.Get("Authorization")
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nX-Canary: %s\r\nContent-Length: %d\r\n\r\n%s%s", canary, len(canary)+len(body), canary, body)
			if w.Flush() != nil {
				return
			}
		}
	})
	i := start(t, `r: * -> "http://`+back+`"`)
	var done atomic.Int64
	end := time.Now().Add(limit)
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			for turn := 0; done.Load() < want && time.Now().Before(end); turn++ {
				if err := tenant(i.addr, fmt.Sprintf("tenant-%d-%d", n%2, n), turn, &done); err != nil {
					t.Errorf("turn %d: %v", turn, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if done.Load() < want/10 {
		t.Errorf("only %d requests were made", done.Load())
	}
	t.Logf("%d requests", done.Load())
	if t.Failed() {
		t.Logf("the log ends with %s", i.log.String()[max(0, len(i.log.String())-2000):])
	}
}

// tenant sends pipelined requests with its canary over one connection and checks
// the answers; every third connection is broken off in the middle.
func tenant(addr, canary string, turn int, done *atomic.Int64) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	const batch = 32
	var b strings.Builder
	r := bufio.NewReader(c)
	for round := range 10 {
		b.Reset()
		for k := range batch {
			body := canary + "-" + strconv.Itoa(turn*1000+round*batch+k)
			if k%2 == 0 {
				fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", canary, len(body), body)
			} else {
				fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", canary, len(body), body)
			}
		}
		text := b.String()
		if turn%3 == 2 && round == 5 {
			_, _ = io.WriteString(c, text[:len(text)-20])
			return nil // gone in the middle of a body
		}
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		for k := range batch {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				return fmt.Errorf("%s: answer %d of round %d at %s: %w", canary, k, round, c.LocalAddr(), err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			want := canary + canary + "-" + strconv.Itoa(turn*1000+round*batch+k)
			if err != nil || string(got) != want || resp.Header.Get("X-Canary") != canary {
				return fmt.Errorf("%s got %q with the canary %q, want %q (%w)", canary, got, resp.Header.Get("X-Canary"), want, err)
			}
			done.Add(1)
			if resp.Close {
				return nil // an answer that overtook the end of its request
			}
		}
	}
	return nil
}
