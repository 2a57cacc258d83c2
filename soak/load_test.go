package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is what clients do.
type load struct {
	addr     string
	examples []example
	answered [6]atomic.Int64 // by class of status; 0: none
}

// run sends requests until ctx ends.
func (l *load) run(ctx context.Context, t *testing.T, clients int) {
	t.Helper()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() { l.client(ctx, n) })
	}
	wg.Wait()
}

// client is one client: even ones speak HTTP/1.1, odd ones HTTP/2.
func (l *load) client(ctx context.Context, n int) {
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: n%4 == 0}
	tr.Protocols.SetHTTP1(n%2 == 0)
	tr.Protocols.SetUnencryptedHTTP2(n%2 == 1)
	c := &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer tr.CloseIdleConnections()
	random := rand.New(rand.NewPCG(uint64(n), 4))
	for i := n; ctx.Err() == nil; i++ {
		l.request(ctx, c, random, l.examples[i*7%len(l.examples)])
	}
}

// request sends one request, of which some are broken off.
func (l *load) request(ctx context.Context, c *http.Client, random *rand.Rand, e example) {
	patience := 2 * time.Second
	if random.IntN(8) == 0 {
		patience = time.Duration(1+random.IntN(20)) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	method, body := "GET", io.Reader(nil)
	switch random.IntN(5) {
	case 0:
		method = "HEAD"
	case 1:
		method, body = "POST", strings.NewReader("a=b&c=secret")
	case 2:
		// Of unknown length.
		method, body = "PUT", io.MultiReader(bytes.NewReader(make([]byte, random.IntN(100_000))))
	}
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://%s%s/%d?q=%d", l.addr, e.path, random.IntN(3), random.IntN(3)), body)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer abc.def.ghi")
	req.Header.Set("Cookie", "a=b; session=1")
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := c.Do(req)
	if err != nil {
		l.answered[0].Add(1)
		return
	}
	defer resp.Body.Close()
	n := int64(1 << 20)
	if random.IntN(8) == 0 {
		n = 10 // and no more
	}
	_, _ = io.CopyN(io.Discard, resp.Body, n) // whatever there is
	l.answered[min(resp.StatusCode/100, 5)].Add(1)
}

// serve is the backend: it sends back what it gets, sometimes badly.
func serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Set-Cookie", "s=1; Path=/")
	w.Header().Set("Cache-Control", "max-age=1")
	switch rand.IntN(50) {
	case 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case 1:
		panic(http.ErrAbortHandler) // the connection breaks off
	}
	_, _ = io.WriteString(w, strings.Repeat("what a backend says ", 50))
	_, _ = io.Copy(w, r.Body)
}
