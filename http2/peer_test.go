package http2

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/message"
)

// peer returns the client of net/http for a server.
func peer(t testing.TB, s *started, roots *certtest.CA) *http.Client {
	t.Helper()
	tr := &http.Transport{Protocols: &http.Protocols{}}
	tr.Protocols.SetUnencryptedHTTP2(roots == nil)
	tr.Protocols.SetHTTP2(roots != nil)
	if roots != nil {
		tr.TLSClientConfig = &tls.Config{RootCAs: roots.Pool(), ServerName: "localhost"}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func tlsConfig(t testing.TB, ca *certtest.CA) *tls.Config {
	t.Helper()
	return &tls.Config{Certificates: []tls.Certificate{ca.Server(t, "localhost").TLS}, NextProtos: []string{"h2"}}
}

func get(t testing.TB, c *http.Client, url string) (int, string, http.Header) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read body of %s: %v", url, err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func TestPeerPlain(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) { _ = d.Reply(text(201, "hello "+d.Record().Request.Scheme)) }}
	s := listen(t, h, ServerConfig{}, nil)
	status, body, header := get(t, peer(t, s, nil), "http://"+s.address+"/a%20b?c=d")
	if status != 201 || body != "hello http" || header.Get("Content-Type") != "text/plain" || header.Get("Content-Length") != "10" {
		t.Errorf("got %d %q %v", status, body, header)
	}
	if got, want := h.requests(), "GET http "+s.address+" /a%20b?c=d"; len(got) != 1 || got[0] != want {
		t.Errorf("handler saw %q, want %q", got, want)
	}
}

func TestPeerTLS(t *testing.T) {
	ca := certtest.New(t, "test")
	h := &handler{fn: func(d exchange.Downstream) {
		r := &d.Record().Request
		_ = d.Reply(text(200, fmt.Sprint(r.Scheme, r.TLS != nil && r.TLS.NegotiatedProtocol == "h2")))
	}}
	s := listen(t, h, ServerConfig{}, tlsConfig(t, ca))
	if status, body, _ := get(t, peer(t, s, ca), "https://"+s.address+"/"); status != 200 || body != "https true" && body != "httpstrue" {
		t.Errorf("got %d %q", status, body)
	}
}

// A thousand requests at a time, each with its own body, both ways.
func TestPeerConcurrent(t *testing.T) {
	h := &handler{fn: echo}
	s := listen(t, h, ServerConfig{}, nil)
	client := peer(t, s, nil)
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			want := strings.Repeat(fmt.Sprint(i, ","), 1+i%97*i%13)
			resp, err := client.Post("http://"+s.address+"/"+fmt.Sprint(i), "text/plain", strings.NewReader(want))
			if err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != want || resp.Header.Get("X-Path") != "/"+fmt.Sprint(i) {
				t.Errorf("request %d: %d bytes of %d (%v), path %q", i, len(got), len(want), err, resp.Header.Get("X-Path"))
			}
		})
	}
	wg.Wait()
}

// 100 MB in each direction, far beyond all windows.
func TestPeerLargeBodies(t *testing.T) {
	const size = 100 << 20
	h := &handler{fn: func(d exchange.Downstream) {
		r := &d.Record().Request
		if r.Method == "GET" {
			resp := &message.Response{Status: 200, ContentLength: size, Body: io.LimitReader(zeros{}, size)}
			_ = d.Reply(resp)
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		_ = d.Reply(text(200, fmt.Sprint(n, err)))
	}}
	s := listen(t, h, ServerConfig{}, nil)
	client := peer(t, s, nil)
	resp, err := client.Get("http://" + s.address + "/")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if n != size || err != nil || resp.ContentLength != size {
		t.Errorf("down: %d bytes, %v", n, err)
	}
	_ = resp.Body.Close()
	resp, err = client.Post("http://"+s.address+"/", "", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != fmt.Sprint(size, " <nil>") {
		t.Errorf("up: %q", b)
	}
}

func TestPeerTrailers(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		r := &d.Record().Request
		b, err := io.ReadAll(r.Body)
		resp := text(200, string(b)+fmt.Sprint(err, r.Trailer.Get("X-Sum"), r.Trailer.Get("Authorization")))
		resp.Trailer.Add("Grpc-Status", "0")
		_ = d.Reply(resp)
	}}
	s := listen(t, h, ServerConfig{}, nil)
	req, _ := http.NewRequest("POST", "http://"+s.address+"/", io.MultiReader(strings.NewReader("abc"), bytes.NewReader(nil)))
	req.Trailer = http.Header{"X-Sum": {"7"}, "Authorization": {"no"}}
	resp, err := peer(t, s, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || string(b) != "abc<nil> 7" && string(b) != "abc<nil>7" || resp.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("got %q, %v, trailers %v", b, err, resp.Trailer)
	}
}

func TestPeerHeadAndExpect(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		if d.Record().Request.Method == "HEAD" {
			resp := text(200, "never sent")
			resp.Header.Add("Content-Length", "10")
			_ = d.Reply(resp)
			return
		}
		echo(d)
	}}
	s := listen(t, h, ServerConfig{}, nil)
	client := peer(t, s, nil)
	resp, err := client.Head("http://" + s.address + "/")
	if err != nil || resp.StatusCode != 200 || resp.ContentLength != 10 {
		t.Fatalf("HEAD: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	req, _ := http.NewRequest("POST", "http://"+s.address+"/", strings.NewReader("body"))
	req.Header.Set("Expect", "100-continue")
	resp, err = client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); string(b) != "body" || err != nil {
		t.Errorf("Expect: %q, %v", b, err)
	}
}

// A response that does not wait for the request's body: the client must get it
// whole, and the connection goes on.
func TestPeerEarlyResponse(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) { _ = d.Reply(text(413, "too much")) }}
	s := listen(t, h, ServerConfig{}, nil)
	client := peer(t, s, nil)
	for range 20 {
		resp, err := client.Post("http://"+s.address+"/", "", io.LimitReader(zeros{}, 10<<20))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if string(b) != "too much" || err != nil || resp.StatusCode != 413 {
			t.Errorf("got %d %q, %v", resp.StatusCode, b, err)
		}
		_ = resp.Body.Close()
	}
}

// The handler learns that a client gave up.
func TestPeerCancel(t *testing.T) {
	began, gone := make(chan struct{}), make(chan struct{})
	h := &handler{fn: func(d exchange.Downstream) {
		d.OnGone(func() { close(gone) })
		close(began)
		<-gone
		if !d.Gone() {
			t.Error("Gone is false in spite of OnGone")
		}
		if err := d.Reply(text(200, "late")); err == nil {
			t.Error("a reply to a client that is gone has no error")
		}
	}}
	s := listen(t, h, ServerConfig{}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+s.address+"/", nil)
	go func() { <-began; cancel() }()
	if _, err := peer(t, s, nil).Do(req); err == nil {
		t.Error("no error after cancel")
	}
	<-gone
}

// Clients that read slowly hold up nobody else.
func TestPeerSlowReader(t *testing.T) {
	const size = 4 << 20
	h := &handler{fn: func(d exchange.Downstream) {
		if d.Record().Request.Path == "/large" {
			_ = d.Reply(&message.Response{Status: 200, ContentLength: size, Body: io.LimitReader(zeros{}, size)})
			return
		}
		_ = d.Reply(text(200, "quick"))
	}}
	s := listen(t, h, ServerConfig{}, nil)
	client := peer(t, s, nil)
	var slow []*http.Response
	for range 10 {
		resp, err := client.Get("http://" + s.address + "/large")
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, resp)
	}
	for range 100 {
		if _, body, _ := get(t, client, "http://"+s.address+"/"); body != "quick" {
			t.Fatalf("got %q", body)
		}
	}
	for _, resp := range slow {
		if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		_ = resp.Body.Close()
	}
}

// The same over TLS, where writes are records and reads come in pieces.
func TestPeerConcurrentTLS(t *testing.T) {
	ca := certtest.New(t, "test")
	s := listen(t, &handler{fn: echo}, ServerConfig{}, tlsConfig(t, ca))
	client := peer(t, s, ca)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			want := strings.Repeat(fmt.Sprint(i, ","), 1+i*100)
			resp, err := client.Post("https://"+s.address+"/", "text/plain", strings.NewReader(want))
			if err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			defer resp.Body.Close()
			if got, err := io.ReadAll(resp.Body); err != nil || string(got) != want {
				t.Errorf("request %d: %d bytes of %d (%v)", i, len(got), len(want), err)
			}
		})
	}
	wg.Wait()
}

// An idle connection holds no buffers.
func TestIdleConnectionMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory")
	}
	const n = 200
	s := listen(t, &handler{}, ServerConfig{}, nil)
	conns := make([]*raw, n)
	before := heap()
	for i := range conns {
		nc, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nc.Close() })
		conns[i] = newRaw(t, nc)
	}
	for _, r := range conns {
		r.hello()
		if f, _ := r.response(r.open(true, plain("GET")...)); f[":status"] != "200" {
			t.Fatalf("answered with %v", f)
		}
	}
	eventually(t, "all are idle", func() bool { return s.Conns() == n })
	each := (heap() - before) / n
	t.Logf("%d bytes of heap for both ends", each)
	if each > 16<<10 {
		t.Errorf("%d bytes of heap for an idle connection and its client", each)
	}
}
