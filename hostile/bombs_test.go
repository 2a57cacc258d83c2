package hostile

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestRegexBombs: an expression that would take memory and time by its size is a
// mistake of its route; the other routes serve.
func TestRegexBombs(t *testing.T) {
	var routes strings.Builder
	routes.WriteString(`good: Path("/good") -> status(418) -> <shunt>;`)
	for n, expr := range []string{
		strings.Repeat("a", 1<<20), strings.Repeat("(a|b)?", 200000), "((a{0,1000}){0,1000}){0,1000}",
		strings.Repeat("(", 2000) + strings.Repeat(")", 2000),
	} {
		fmt.Fprintf(&routes, `bad%d: PathRegexp("%s") -> status(200) -> <shunt>;`, n, expr)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	i := start(t, routes.String())
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 300<<20 {
		t.Errorf("the routes took %d MB to look at", n>>20)
	}
	if a := i.get("GET /good HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != 418 {
		t.Errorf("got %s", a.Status)
	}
	if a := i.get("GET /aaaaaaaaaaaaa HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != 404 {
		t.Errorf("a bad route serves: %s", a.Status)
	}
	support := &instance{t: t, addr: i.support}
	a := support.get("GET /routes?invalid=true HTTP/1.1\r\nHost: h\r\n\r\n")
	for n := range 4 {
		if !strings.Contains(a.body, fmt.Sprintf("bad%d", n)) {
			t.Errorf("bad%d is not told of", n)
		}
	}
}

// TestCookieBomb: a head full of cookies costs what its bytes cost: ten times the
// cookies take about ten times as long, and a million is refused for its size.
func TestCookieBomb(t *testing.T) {
	i := start(t, `c: Cookie("last", "^yes$") -> requestCookie("x", "y") -> status(418) -> <shunt>; r: * -> status(404) -> <shunt>`)
	ask := func(n int) (best time.Duration) {
		request := "GET / HTTP/1.1\r\nHost: h\r\nCookie: " + strings.Repeat("a=b; ", n) + "last=yes\r\n\r\n"
		c := i.dial()
		defer c.Close()
		for k := range 30 {
			begin := time.Now()
			c.send(request)
			if a := c.read("GET"); a.StatusCode != 418 {
				t.Fatalf("%d cookies: got %s", n, a.Status)
			}
			if d := time.Since(begin); k == 0 || d < best {
				best = d
			}
		}
		return best
	}
	small, large := ask(10_000), ask(100_000)
	if large > 40*small {
		t.Errorf("10,000 cookies take %v, 100,000 take %v: that is not linear", small, large)
	}
	if codes := i.statuses("GET / HTTP/1.1\r\nHost: h\r\nCookie: " + strings.Repeat("a=b; ", 1_000_000) + "\r\n\r\n"); len(codes) > 1 || len(codes) == 1 && codes[0] != 431 {
		t.Errorf("a million cookies were answered %v", codes)
	}
	if codes := i.statuses("GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("Cookie: a=b\r\n", 1000) + "\r\n"); len(codes) != 1 || codes[0] != 431 {
		t.Errorf("a thousand fields were answered %v", codes)
	}
}

// heapInUse is what lives and what was not collected yet.
func heapInUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// endless gives bytes and keeps the largest heap seen meanwhile.
type endless struct {
	left int64
	most *uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	if before := e.left >> 24; (e.left-int64(n))>>24 != before { // every 16 MB
		*e.most = max(*e.most, heapInUse())
	}
	e.left -= int64(n)
	return n, nil
}

// TestUnboundedReads: a gigabyte through each input that has no end of its own:
// memory stays where it was.
func TestUnboundedReads(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 128 << 20
	}
	most := uint64(0)
	got := make(chan int64, 1)
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		got <- n
		if r.Method == http.MethodGet {
			_, _ = io.Copy(w, &endless{size, &most})
		}
	})
	i := start(t, `r: * -> compress() -> "http://`+back+`"`)
	runtime.GC()
	base := heapInUse()
	const room = 96 << 20 // for what waits to be collected
	check := func(what string, n, want int64) {
		t.Helper()
		if n != want {
			t.Errorf("%s: %d bytes arrived, want %d", what, n, want)
		}
		if most > base+room {
			t.Errorf("%s: the heap grew from %d MB to %d MB", what, base>>20, most>>20)
		}
		most = 0
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	for _, length := range []int64{size, -1} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+i.addr+"/", &endless{size, &most})
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		check(fmt.Sprintf("upload, length %d", length), <-got, size)
	}
	resp, err := client.Get("http://" + i.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		t.Error(err)
	}
	resp.Body.Close()
	<-got
	check("download", n, size)
}

// TestEndlessHeads: heads, chunk lines, trailers and answers without an end are
// cut at their limits.
func TestEndlessHeads(t *testing.T) {
	var endless atomic.Pointer[string] // old connections still look at it
	back := startRaw(t, func(c net.Conn) {
		text := *endless.Load()
		b := make([]byte, 4096)
		if _, err := c.Read(b); err != nil {
			return
		}
		first := "HTTP/1.1 200 OK\r\n"
		if strings.HasPrefix(text, "HTTP") {
			first = text
		}
		for _, err := io.WriteString(c, first); err == nil; _, err = io.WriteString(c, text) {
		}
	})
	i := start(t, `r: * -> "http://`+back+`"`)
	for _, endlessly := range []string{"X: " + strings.Repeat("a", 8000) + "\r\n", strings.Repeat("X", 8000), "HTTP/1.1 100 Continue\r\n\r\n", "X: y\r\n"} {
		endless.Store(&endlessly)
		if a := i.get("GET / HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != 502 {
			t.Errorf("%.20q: got %s", endlessly, a.Status)
		}
	}
	const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, in := range []struct{ head, endlessly string }{
		{"GET / HTTP/1.1\r\nHost: h\r\n", "X: y\r\n"}, {"GET / HTTP/1.1\r\nHost: h\r\nX: ", strings.Repeat("a", 4000)}, {"GET /", strings.Repeat("a", 4000)},
		{"", strings.Repeat("A", 4000)}, {"", "\r\n"}, {chunked + "1;", strings.Repeat("a", 4000)}, {chunked, "0"}, {chunked + "0\r\n", "X: y\r\n"},
	} {
		c := i.dial()
		sent, err := 0, error(nil)
		for _, err = io.WriteString(c.TCPConn, in.head); err == nil && sent < 64<<20; sent += len(in.endlessly) * 16 {
			_, err = io.WriteString(c.TCPConn, strings.Repeat(in.endlessly, 16))
		}
		if err == nil {
			t.Errorf("%.60q and then %.10q without end: %d bytes were taken", in.head, in.endlessly, sent)
		}
		c.Close()
	}
}
