package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "fairlead.dev/fairlead/balance"
)

// h2c starts a backend that speaks HTTP/2 alone, without TLS.
func h2c(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

func address(srv *httptest.Server) string { return srv.Listener.Addr().String() }

// TestHTTP2Backend sends HTTP/1.1 requests to HTTP/2 backends.
func TestHTTP2Backend(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "Sum")
		w.Header().Set("X-Proto", r.Proto)
		_ = http.NewResponseController(w).Flush() // the length is not known then
		_, _ = w.Write(body)
		w.Header().Set("Sum", r.Trailer.Get("Mine")+"/"+fmt.Sprint(len(body)))
	}
	secure := httptest.NewUnstartedServer(http.HandlerFunc(h))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	old := httptest.NewTLSServer(http.HandlerFunc(h))
	t.Cleanup(old.Close)
	for name, tt := range map[string]struct{ url, proto string }{
		"h2c":             {"h2c://" + address(h2c(t, h)), "HTTP/2.0"},
		"https":           {"https://" + address(secure), "HTTP/2.0"},
		"https, HTTP/1.1": {"https://" + address(old), "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, `r: * -> "`+tt.url+`";`, "-insecure")
			c := dial(t, p.addr)
			for i, text := range []string{"", "short", strings.Repeat("long ", 100_000)} {
				fmt.Fprintf(c, "POST /a?b HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\nTrailer: Mine\r\n\r\n")
				if text != "" {
					fmt.Fprintf(c, "%x\r\n%s\r\n", len(text), text)
				}
				fmt.Fprintf(c, "0\r\nMine: %d\r\n\r\n", i)
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Fatal(err, p.log)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || string(body) != text || resp.Header.Get("X-Proto") != tt.proto {
					t.Errorf("%d: %s %d bytes, %v", resp.StatusCode, resp.Header.Get("X-Proto"), len(body), err)
				}
				if got, want := resp.Trailer.Get("Sum"), fmt.Sprintf("%d/%d", i, len(text)); got != want {
					t.Errorf("trailer %q, want %q", got, want)
				}
			}
			for _, method := range []string{"GET", "HEAD"} {
				fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: h\r\n\r\n", method)
				resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
				if err != nil || resp.StatusCode != 200 {
					t.Fatal(method, err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Error(err)
				}
			}
			p.stop()
		})
	}
}

// lineConn is a client's connection.
type lineConn struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *lineConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return &lineConn{c, bufio.NewReader(c)}
}

// TestHTTP2BackendStreams passes bytes both ways at the same time, with a client
// of either version.
func TestHTTP2BackendStreams(t *testing.T) {
	echo := h2c(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		w.WriteHeader(200)
		_ = rc.Flush()
		b := make([]byte, 64)
		for {
			n, err := r.Body.Read(b)
			if n > 0 {
				_, _ = w.Write(bytes.ToUpper(b[:n]))
				_ = rc.Flush()
			}
			if err != nil {
				return
			}
		}
	})
	p := start(t, `r: * -> "h2c://`+address(echo)+`";`, "-enable-h2c-server")
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			tr := &http.Transport{Protocols: new(http.Protocols)}
			tr.Protocols.SetHTTP1(version == 1)
			tr.Protocols.SetUnencryptedHTTP2(version == 2)
			defer tr.CloseIdleConnections()
			pr, pw := io.Pipe()
			req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://"+p.addr+"/", pr)
			go func() { _, _ = io.WriteString(pw, "ping 0") }()
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got := make([]byte, len("PING 0"))
			for i := range 100 {
				want := fmt.Sprintf("PING %d", i%10)
				if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
					t.Fatalf("round %d: %q, %v", i, got, err)
				}
				if i < 99 {
					if _, err := fmt.Fprintf(pw, "ping %d", (i+1)%10); err != nil {
						t.Fatal(err)
					}
				}
			}
			pw.Close()
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
				t.Errorf("at the end: %q %v", rest, err)
			}
		})
	}
}

// TestHTTP2BackendCancel ends the exchange with the backend when the client goes.
func TestHTTP2BackendCancel(t *testing.T) {
	gone := make(chan struct{}, 10)
	b := h2c(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		gone <- struct{}{}
	})
	p := start(t, `r: * -> "h2c://`+address(b)+`";`)
	c := dial(t, p.addr)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if _, err := http.ReadResponse(c.r, nil); err != nil {
		t.Fatal(err)
	}
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the backend was not told")
	}
}

// TestHTTP2BackendBalance spreads the requests of one client connection over two
// backends.
func TestHTTP2BackendBalance(t *testing.T) {
	var counts [2]atomic.Int64
	var urls []string
	for i := range counts {
		urls = append(urls, `"h2c://`+address(h2c(t, func(http.ResponseWriter, *http.Request) { counts[i].Add(1) }))+`"`)
	}
	p := start(t, `r: * -> <roundRobin, `+strings.Join(urls, ", ")+`>;`)
	c := dial(t, p.addr)
	for range 100 {
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if a, b := counts[0].Load(), counts[1].Load(); a != 50 || b != 50 {
		t.Errorf("%d and %d requests", a, b)
	}
}

// TestHTTP2BackendRestarts replaces the backend under load: no request fails.
func TestHTTP2BackendRestarts(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	feed := &feeder{ln: ln, conns: make(chan net.Conn)}
	var accepting sync.WaitGroup
	accepting.Go(feed.run)
	serve := func() *http.Server {
		srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		}), Protocols: new(http.Protocols)}
		srv.Protocols.SetUnencryptedHTTP2(true)
		accepting.Go(func() { _ = srv.Serve(&feederListener{feeder: feed, done: make(chan struct{})}) })
		return srv
	}
	srv := serve()
	p := start(t, `r: * -> "h2c://`+ln.Addr().String()+`";`)
	stop := make(chan struct{})
	var load sync.WaitGroup
	var served atomic.Int64
	for i := range 16 {
		load.Go(func() {
			c := dial(t, p.addr)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if i%2 == 0 {
					fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
				} else {
					fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
				}
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil || resp.StatusCode != 200 {
					t.Errorf("after %d requests: %v %+v", served.Load(), err, resp)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				served.Add(1)
			}
		})
	}
	for range 5 {
		for n := served.Load(); served.Load() < n+500 && !t.Failed(); {
			<-time.After(time.Millisecond)
		}
		old := srv
		srv = serve()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := old.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		cancel()
	}
	close(stop)
	load.Wait()
	p.stop()
	_ = srv.Close()
	ln.Close()
	accepting.Wait()
	if t.Failed() {
		t.Log(p.log)
	}
}

// feeder hands the connections of one socket to the servers that come and go.
type feeder struct {
	ln    net.Listener
	conns chan net.Conn
}

func (f *feeder) run() {
	defer close(f.conns)
	for {
		c, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.conns <- c
	}
}

type feederListener struct {
	*feeder
	once sync.Once
	done chan struct{}
}

func (l *feederListener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case <-l.done:
	case c, ok := <-l.conns:
		if ok {
			return c, nil
		}
	}
	return nil, net.ErrClosed
}

func (l *feederListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *feederListener) Addr() net.Addr { return l.ln.Addr() }

// TestHTTP2BackendNotHTTP2 says what is wrong.
func TestHTTP2BackendNotHTTP2(t *testing.T) {
	b := httptest.NewServer(http.NotFoundHandler())
	defer b.Close()
	p := start(t, `r: * -> "h2c://`+address(b)+`";`)
	resp, err := http.Get("http://" + p.addr)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 502 || !strings.Contains(p.log.String(), "does not speak HTTP/2") {
		t.Errorf("%d\n%s", resp.StatusCode, p.log)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
