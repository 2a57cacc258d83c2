// Command netrp is a reverse proxy of net/http and httputil.ReverseProxy, tuned
// well and with nothing else in it: the reference for what an engine of one's
// own is worth. It serves the benchmarks only.
//
// Start reading at handler.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	origins := flag.String("origins", "127.0.0.1:9001", "backends, separated by commas")
	routes := flag.String("routes", "", "file of lines HOST/PATH NUMBER-OF-BACKEND")
	calls := flag.Bool("calls", false, "the backends answer gRPC calls, over HTTP/2 with prior knowledge")
	cert := flag.String("cert", "", "certificate; empty: plain HTTP")
	key := flag.String("key", "", "its key")
	flag.Parse()
	table, err := readRoutes(*routes)
	if err != nil {
		fmt.Fprintln(os.Stderr, "netrp:", err)
		os.Exit(1)
	}
	server := &http.Server{
		Addr: *listen, Handler: handler(strings.Split(*origins, ","), table, *calls), Protocols: protocols(true, true),
		IdleTimeout: 10 * time.Minute, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(os.Stderr, "", 0),
	}
	if *cert != "" {
		err = server.ListenAndServeTLS(*cert, *key)
	} else {
		err = server.ListenAndServe()
	}
	fmt.Fprintln(os.Stderr, "netrp:", err)
	os.Exit(1)
}

// protocols are HTTP/1.1, or HTTP/2 with prior knowledge and over TLS, or both.
func protocols(http1, http2 bool) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(http1)
	p.SetHTTP2(http2)
	p.SetUnencryptedHTTP2(http2)
	return &p
}

func readRoutes(path string) (map[string]int, error) {
	table := map[string]int{}
	if path == "" {
		return table, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() {
		key, number, _ := strings.Cut(in.Text(), " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("read routes: line %q: want HOST/PATH NUMBER", in.Text())
		}
		table[key] = n
	}
	return table, in.Err()
}

// handler picks the backend by host and first path segment.
func handler(origins []string, table map[string]int, calls bool) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host = origins[table[r.In.Host+firstSegment(r.In.URL.Path)]%len(origins)]
			r.Out.Header.Set("X-Bench", "1")
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("X-Served", "netrp")
			return nil
		},
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 1024, IdleConnTimeout: 10 * time.Minute, DisableCompression: true,
			Protocols: protocols(!calls, calls),
		},
		BufferPool: &buffers{},
		ErrorLog:   log.New(os.Stderr, "", 0),
	}
}

func firstSegment(path string) string {
	if len(path) < 2 {
		return path
	}
	if i := strings.IndexByte(path[1:], '/'); i >= 0 {
		return path[:i+1]
	}
	return path
}

// buffers reuses the copy buffers of the proxy.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
