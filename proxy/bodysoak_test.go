package proxy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	_ "fairlead.dev/fairlead/filter/accesslog"
	_ "fairlead.dev/fairlead/filter/compress"
	_ "fairlead.dev/fairlead/filter/diag"
	_ "fairlead.dev/fairlead/filter/sed"
)

// bodyFilters are routes with filters that take bodies apart.
const bodyFilters = `
all: Path("/all") -> auditLog() -> readTimeout("5s") -> writeTimeout("5s") -> blockContent("evil")
	-> sedRequest("foo", "bar") -> logBody("request", 10) -> backendBandwidth(100000)
	-> compress() -> wrapContent("<", ">") -> sed("(?i)lazy\\b", "quick") -> decompress() -> bandwidth(100000)
	-> chunks(5000, "1ms") -> logBody("response", 10) -> logHeader("request", "response") -> "BACKEND";
sed: Path("/sed") -> sedDelim("^T", "t", "\n") -> sedRequestDelim("x+", "y", "\n") -> "BACKEND";
decompress: Path("/decompress") -> decompress() -> "BACKEND";
block: Path("/block") -> blockContentHex("00ff") -> "BACKEND";
absorb: Path("/absorb") -> absorbSilent() -> <shunt>;
tarpit: Path("/tarpit") -> tarpit("5ms") -> <shunt>;
`

// unruly answers in the way that the query asks for.
func unruly(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "early" {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	text := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog.\n"), 3000)
	switch r.URL.RawQuery {
	case "204", "304":
		w.WriteHeader(map[string]int{"204": 204, "304": 304}[r.URL.RawQuery])
		return
	case "empty":
		return
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(text)
		_ = z.Close()
		return
	case "badgzip":
		w.Header().Set("Content-Encoding", "gzip")
	case "trailers":
		w.Header().Set("Trailer", "Sum")
		defer w.Header().Set("Sum", "1")
	case "break":
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(text)
		panic(http.ErrAbortHandler)
	case "length":
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(text)
}

// TestBodyFiltersUnderLoad has clients and backends that do not keep to what they
// began, and checks that nothing stays behind.
func TestBodyFiltersUnderLoad(t *testing.T) {
	for of, url := range backends(t, unruly) {
		p := start(t, strings.ReplaceAll(bodyFilters, "BACKEND", url), "-enable-h2c-server", "-audit-log="+t.TempDir()+"/audit.log")
		var wg sync.WaitGroup
		end := time.Now().Add(time.Second)
		for version, client := range clients(t) {
			for i := range 4 {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(i), 1))
					for time.Now().Before(end) && !t.Failed() {
						p.unrulyClient(t, version+" to "+of, client, r)
					}
				})
			}
		}
		wg.Wait()
		p.checkIdle(t)
		p.stop()
		if strings.Contains(p.log.String(), "panicked") {
			t.Errorf("%s: %s", of, p.log.String())
		}
	}
}

// unrulyClient makes one request, and perhaps goes away in the middle of it.
func (p *testProxy) unrulyClient(t *testing.T, name string, client *http.Client, r *rand.Rand) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	path := pick(r, "all", "sed", "decompress", "block", "absorb", "tarpit")
	what := pick(r, "204", "304", "empty", "gzip", "badgzip", "trailers", "break", "length", "early")
	method := pick(r, "GET", "POST", "HEAD")
	var body io.Reader
	if method == "POST" {
		body = strings.NewReader(strings.Repeat(pick(r, "foo\n", "xxxxxxx", "\x00\xfe", "evi"), r.IntN(20_000)) + pick(r, "", "evil", "\x00\xff"))
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.addr+"/"+path+"?"+what, body)
	if err != nil {
		t.Error(err)
		return
	}
	if r.IntN(4) == 0 || path == "tarpit" {
		stop := time.AfterFunc(time.Duration(r.IntN(20))*time.Millisecond, cancel)
		defer stop.Stop()
	}
	resp, err := client.Do(req)
	if err != nil {
		return // it went away, or the backend did before its head
	}
	defer resp.Body.Close()
	n, err := io.CopyN(io.Discard, resp.Body, int64(r.IntN(400_000)))
	whole := err == io.EOF
	if whole && method == "GET" && resp.StatusCode == 200 && ctx.Err() == nil {
		cut := what == "break" && path != "absorb" || what == "badgzip" && (path == "all" || path == "decompress") || path == "tarpit"
		if cut {
			t.Errorf("%s: %s %s?%s: %d bytes look whole", name, method, path, what, n)
		}
	}
}
