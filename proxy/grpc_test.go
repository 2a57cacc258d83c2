package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
)

// h2cClient returns a client that speaks HTTP/2 without TLS, over one connection
// as long as that takes requests.
func h2cClient(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// call makes a gRPC call without content.
func (p *testProxy) call(c *http.Client, path, contentType string) *http.Response {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "POST", "http://"+p.addr+path, strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("TE", "trailers")
	resp, err := c.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

// TestGRPCAnswers checks what gRPC clients are told by Fairlead itself, and that
// nobody else is told so.
func TestGRPCAnswers(t *testing.T) {
	closing := startRaw(t, func(_ int, c net.Conn) { _, _ = readHead(bufio.NewReader(c)) })
	silent := startRaw(t, func(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	p := start(t, `
		down: Path("/down") -> "http://`+gone.Addr().String()+`";
		closes: Path("/closes") -> "http://`+closing.addr+`";
		late: Path("/late") -> backendTimeout("20ms") -> "http://`+silent.addr+`";
		loop: Path("/loop") -> <loopback>`, "-enable-h2c-server", "-default-http-status=418", "-max-content-length=5")
	c := h2cClient(t)
	for _, tc := range []struct{ path, status, message string }{
		{"/down", "14", "dial-failed: no connection to the backend could be made"},
		{"/closes", "14", "backend-closed: "},
		{"/late", "4", "backend-timeout: "},
		{"/loop", "13", "loop-limit: "},
		{"/none", "12", "no-route: "},
		{"/down?%zz", "13", "query-invalid: "},
	} {
		resp := p.call(c, tc.path, "application/grpc+proto")
		h := resp.Header
		if resp.StatusCode != 200 || h.Get("Grpc-Status") != tc.status || !strings.HasPrefix(h.Get("Grpc-Message"), tc.message) ||
			h.Get("Content-Type") != "application/grpc" || resp.ContentLength > 0 {
			t.Errorf("%s: %s, %v, expected grpc-status %s, message %q...", tc.path, resp.Status, h, tc.status, tc.message)
		}
		if b, err := io.ReadAll(resp.Body); len(b) > 0 || err != nil {
			t.Errorf("%s: body %q, %v", tc.path, b, err)
		}
		resp.Body.Close()
	}
	for _, other := range []string{"application/grpc-web", "application/json", ""} {
		if resp := p.call(c, "/none", other); resp.StatusCode != 418 || resp.Header.Get("Grpc-Status") != "" {
			t.Errorf("%q: %s %v", other, resp.Status, resp.Header)
		} else {
			resp.Body.Close()
		}
	}
	if a := p.get("POST /none HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n"); a.StatusCode != 418 {
		t.Errorf("HTTP/1: %s %v", a.Status, a.Header)
	}
}

// TestGRPCCut checks that a call whose backend goes away within its answer is
// told so, and that other answers are still cut.
func TestGRPCCut(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		head, _ := readHead(bufio.NewReader(c))
		kind := "text/plain"
		if strings.Contains(head, "application/grpc") {
			kind = "application/grpc"
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", kind)
	})
	for name, filters := range map[string]string{"as it is": "", "by a filter": `setResponseHeader("X-A", "b") -> `} {
		p := start(t, `r: * -> `+filters+`"http://`+back.addr+`"`, "-enable-h2c-server")
		c := h2cClient(t)
		resp := p.call(c, "/", "application/grpc")
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != "abc" || err != nil || resp.Trailer.Get("Grpc-Status") != "14" {
			t.Errorf("%s: %q, %v, %v", name, b, err, resp.Trailer)
		}
		if msg := resp.Trailer.Get("Grpc-Message"); !strings.HasPrefix(msg, "backend-body-cut: ") {
			t.Errorf("%s: message %q", name, msg)
		}
		resp = p.call(c, "/", "text/plain")
		b, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != "abc" || err == nil {
			t.Errorf("%s: another answer that is cut came as %q, %v", name, b, err)
		}
	}
}

// TestGRPCReset checks what a client is told when the backend resets a call before
// its answer and within it.
func TestGRPCReset(t *testing.T) {
	back := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/within" {
			w.Header().Set("Content-Type", "application/grpc")
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler) // INTERNAL_ERROR
	}))
	back.Config.Protocols = new(http.Protocols)
	back.Config.Protocols.SetUnencryptedHTTP2(true)
	back.Start()
	defer back.Close()
	p := start(t, `r: * -> "h2c://`+back.Listener.Addr().String()+`"`, "-enable-h2c-server")
	c := h2cClient(t)
	for _, path := range []string{"/before", "/within"} {
		resp := p.call(c, path, "application/grpc")
		_, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		// In the head when that could be kept back so long.
		if got := resp.Header.Get("Grpc-Status") + resp.Trailer.Get("Grpc-Status"); resp.StatusCode != 200 || err != nil || got != "13" {
			t.Errorf("%s: %s, %v, grpc-status %q, expected 13", path, resp.Status, err, got)
		}
	}
}

// TestReasonsAreGRPCMessages checks that no text of a reason has to be encoded to
// be a grpc-message.
func TestReasonsAreGRPCMessages(t *testing.T) {
	for _, r := range message.Reasons() {
		for _, b := range []byte(r.Meaning()) {
			if b < ' ' || b > '~' || b == '%' {
				t.Errorf("%s: %q has %q, which would have to be percent-encoded", r.Code(), r.Meaning(), b)
			}
		}
	}
}

// TestCancelKeepsConnection checks that a client which cancels one request keeps
// its connection.
func TestCancelKeepsConnection(t *testing.T) {
	arrived := make(chan net.Conn, 2)
	back := startRaw(t, func(_ int, c net.Conn) {
		arrived <- c
		_, _ = io.Copy(io.Discard, c)
	})
	p := start(t, `wait: Path("/wait") -> "http://`+back.addr+`"; ok: * -> status(204) -> <shunt>`, "-enable-h2c-server")
	conns := 0
	tr := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conns++
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	for i := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.addr+"/wait", nil)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if resp, err := c.Do(req); err == nil {
				resp.Body.Close()
				t.Errorf("the cancelled request was answered: %s", resp.Status)
			}
		}()
		<-arrived
		cancel()
		<-ended
		eventually(t, "the proxy noticed", func() bool { return strings.Count(p.log.String(), "reason=client-gone") > i })
		resp, err := c.Get("http://" + p.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if conns != 1 {
		t.Errorf("%d connections, expected that cancelling keeps the first", conns)
	}
}
