package fastcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/fastcgi"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the FastCGI server of the standard library.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = fcgi.Serve(ln, h) }()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// raw runs a backend that is driven by hand.
func raw(t testing.TB, drive func(c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); drive(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return ln.Addr().String()
}

// dial returns a client of the backend at addr.
func dial(t testing.TB, addr string, cfg fastcgi.Config) *fastcgi.Client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := fastcgi.NewClient(sock.Wrap(nc, nil), cfg)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// get is a request as an engine makes it; fields are name and value in turn.
func get(target string, fields ...string) *message.Request {
	r := &message.Request{
		Method: "GET", Scheme: "http", Host: "www.example.org", Major: 1, Minor: 1,
		Remote: netip.MustParseAddrPort("192.0.2.1:54321"), Local: netip.MustParseAddrPort("198.51.100.1:9090"),
	}
	if err := r.SetTarget(target); err != nil {
		panic(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

func post(body io.Reader, length int64) *message.Request {
	r := get("/")
	r.Method = "POST"
	r.SetBody(body, length)
	return r
}

// answer is a response with its body.
type answer struct {
	message.Response
	body   string
	err    error // of Do, or of the body
	finish bool
}

func do(c *fastcgi.Client, req *message.Request, o *exchange.SendOptions) (a answer) {
	if o == nil {
		o = &exchange.SendOptions{}
	}
	if o.Host == "" {
		o.Host = req.Host
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if a.err = c.Do(req, &a.Response, o); a.err != nil {
		return a
	}
	a.Response.Header = a.Response.Header.Clone()
	if a.Body != nil {
		var b []byte
		b, a.err = io.ReadAll(a.Body)
		a.body = string(b)
	}
	a.finish = c.Finish()
	return a
}

// TestParams checks what the program gets to know.
func TestParams(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		env := fcgi.ProcessEnv(r)
		fmt.Fprintf(w, "%s %s %s host=%s remote=%s\n", r.Method, r.URL.RequestURI(), r.Proto, r.Host, r.RemoteAddr)
		for _, k := range []string{"SCRIPT_FILENAME", "DOCUMENT_ROOT", "REDIRECT_STATUS", "SERVER_SOFTWARE", "DOCUMENT_URI", "REQUEST_SCHEME"} {
			fmt.Fprintf(w, "%s=%s\n", k, env[k])
		}
		fmt.Fprintf(w, "PATH_INFO=%s\n", env["PATH_INFO"])
		for _, k := range []string{"X-A", "X_a", "Proxy", "Cookie", "Authorization", "Connection", "Te", "Content-Type", "X.b"} {
			if v, ok := r.Header[http.CanonicalHeaderKey(k)]; ok {
				fmt.Fprintf(w, "%s: %q\n", k, v)
			}
		}
	})
	req := get("/index.php/a%20b?x=1&y", "X-A", "1", "x-a", "2", "X_A", "evil", "Proxy", "http://evil", "Cookie", "a=1", "cookie", "b=2",
		"Authorization", "Basic x", "Connection", "X-A", "TE", "trailers", "Content-Type", "text/x", "X.B", "dot", "Host", "other")
	a := do(dial(t, addr, fastcgi.Config{}), req, &exchange.SendOptions{Host: "shop.example.org:8080", Script: "/srv/www/index.php"})
	if a.err != nil || a.Status != 200 {
		t.Fatalf("%+v", a)
	}
	want := `GET /index.php/a%20b?x=1&y HTTP/1.1 host=shop.example.org:8080 remote=192.0.2.1:54321
SCRIPT_FILENAME=/srv/www/index.php
DOCUMENT_ROOT=/srv/www
REDIRECT_STATUS=200
SERVER_SOFTWARE=Fairlead
DOCUMENT_URI=/index.php/a b
REQUEST_SCHEME=http
PATH_INFO=/a b
X-A: ["1, 2"]
Cookie: ["a=1; b=2"]
Authorization: ["Basic x"]
Content-Type: ["text/x"]
`
	// The standard library hands on what it does not know only.
	got := a.body
	for _, k := range []string{"PATH_INFO", "DOCUMENT_URI"} {
		if strings.Contains(got, k+"=\n") {
			want = strings.Replace(want, k+"="+map[string]string{"PATH_INFO": "/a b", "DOCUMENT_URI": "/index.php/a b"}[k]+"\n", k+"=\n", 1)
		}
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestBodies sends bodies of all kinds and gets them back.
func TestBodies(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(w, r.Body)
		_ = n
	})
	long := strings.Repeat("0123456789abcdef", 20000) // 320 KB: several records
	for _, c := range []struct {
		name   string
		body   string
		length int64
	}{
		{"short", "hello", 5},
		{"empty", "", 0},
		{"long", long, int64(len(long))},
		{"of unknown length", long, message.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := do(dial(t, addr, fastcgi.Config{}), post(strings.NewReader(c.body), c.length), nil)
			if a.err != nil || a.Status != 200 || a.body != c.body {
				t.Errorf("%d, %v, %d bytes, want %d", a.Status, a.err, len(a.body), len(c.body))
			}
		})
	}
}

// TestUnsendable lists bodies that are not what the request promised.
func TestUnsendable(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for _, c := range []struct {
		name   string
		body   io.Reader
		length int64
		want   error
	}{
		{"too short", strings.NewReader("abc"), 5, exchange.ErrUnsendable},
		{"too long", strings.NewReader("abc"), 2, exchange.ErrUnsendable},
		{"broken", io.MultiReader(strings.NewReader("a"), broken{}), 5, errBroken},
		{"broken, of unknown length", broken{}, message.Unknown, errBroken},
		{"endless", endless{}, message.Unknown, exchange.ErrLengthRequired},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := do(dial(t, addr, fastcgi.Config{}), post(c.body, c.length), nil)
			var se *exchange.SendError
			if !errors.Is(a.err, c.want) || !errors.As(a.err, &se) || se.Unsent {
				t.Errorf("got %v, want %v", a.err, c.want)
			}
		})
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// record is a record as a backend sends it.
func record(kind byte, content string) string {
	return string([]byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0}) + content
}

// ends is END_REQUEST.
func ends(app, status byte) string { return record(3, string([]byte{0, 0, 0, app, status, 0, 0, 0})) }

// out is STDOUT with its end, and END_REQUEST.
func out(text string) string { return record(6, text) + record(6, "") + ends(0, 0) }

// TestResponses lists what backends send, good and bad.
func TestResponses(t *testing.T) {
	padded := string([]byte{1, 6, 0, 1, 0, 2, 5, 0}) + "hi" + "\x00\x00\x00\x00\x00"
	big := "X: " + strings.Repeat("a", 3000) + "\n\n" + strings.Repeat("b", 5000)
	for _, c := range []struct {
		name, sends string
		method      string
		status      int
		body        string
		fails       string // in the error of Do
		cut         string // in the error of the body
	}{
		{name: "plain", sends: out("Content-Type: text/plain\r\n\r\nhello"), status: 200, body: "hello"},
		{name: "line feeds alone", sends: out("Content-Type: text/plain\n\nhello"), status: 200, body: "hello"},
		{name: "status", sends: out("Status: 404 Not Found\r\nX: y\r\n\r\nno"), status: 404, body: "no"},
		{name: "status alone", sends: out("status: 503\r\n\r\n"), status: 503},
		{name: "location", sends: out("Location: /a\r\n\r\n"), status: 302},
		{name: "location and status", sends: out("Location: /a\r\nStatus: 307\r\n\r\n"), status: 307},
		{name: "in pieces", sends: record(6, "Content-T") + record(7, "warning") + record(6, "ype: a/b\r\n\r") + record(6, "\nhe") + padded + out("llo"), status: 200, body: "hehillo"},
		{name: "a long head", sends: out(big), status: 200, body: strings.Repeat("b", 5000)},
		{name: "a length", sends: out("Content-Length: 3\r\n\r\nabc"), status: 200, body: "abc"},
		{name: "more than the length", sends: out("Content-Length: 3\r\n\r\nabcdef"), status: 200, body: "abc"},
		{name: "less than the length", sends: out("Content-Length: 3\r\n\r\nab"), status: 200, body: "ab", cut: "before its Content-Length"},
		{name: "HEAD", method: "HEAD", sends: out("Content-Length: 3\r\n\r\n"), status: 200},
		{name: "204", sends: out("Status: 204\r\n\r\n"), status: 204},
		{name: "304 with a body", sends: out("Status: 304\r\nETag: a\r\n\r\nwhat"), status: 304},
		{name: "connection fields", sends: out("Connection: close\r\nKeep-Alive: x\r\nUpgrade: y\r\nX: y\r\n\r\nhello"), status: 200, body: "hello"},
		{name: "management records and unknown ones", sends: "\x01\x0a\x00\x00\x00\x02\x00\x00xx" + record(99, "what") + out("X: y\r\n\r\nhello"), status: 200, body: "hello"},
		{name: "without END_REQUEST", sends: record(6, "X: y\r\n\r\nhello") + record(6, ""), status: 200, body: "hello", cut: "ended within"},
		{name: "cut in a record", sends: record(6, "X: y\r\n\r\nhello")[:20], status: 200, body: "hell", cut: "ended within"},
		{name: "refused in the body", sends: record(6, "X: y\r\n\r\nhe") + ends(0, 1), status: 200, body: "he", cut: "protocol status 1"},

		{name: "nothing", sends: "", fails: "ended within"},
		{name: "no FastCGI", sends: "HTTP/1.1 400 Bad Request\r\n\r\n", fails: "no FastCGI"},
		{name: "another request", sends: "\x01\x06\x00\x02\x00\x01\x00\x00a", fails: "request 2"},
		{name: "a stream without a request", sends: "\x01\x06\x00\x00\x00\x01\x00\x00a", fails: "without a request"},
		{name: "a short END_REQUEST", sends: record(3, "abc"), fails: "END_REQUEST with 3 bytes"},
		{name: "an end and no head", sends: ends(9, 0), fails: "ended with status 9"},
		{name: "half a head", sends: out("Content-Type: a"), fails: "without a response"},
		{name: "an empty head", sends: out("\r\nhello"), fails: "without a single header field"},
		{name: "overloaded", sends: ends(0, 2), fails: "overloaded"},
		{name: "multiplexing", sends: ends(0, 1), fails: "protocol status 1"},
		{name: "no field", sends: out("hello\r\n\r\n"), fails: "expected a header field"},
		{name: "folded", sends: out("X: y\r\n z\r\n\r\n"), fails: "expected a header field"},
		{name: "a space before the colon", sends: out("X : y\r\n\r\n"), fails: "expected a header field"},
		{name: "control character", sends: out("X: a\x00b\r\n\r\n"), fails: "control character"},
		{name: "carriage return", sends: out("X: a\rSet-Cookie: b\r\n\r\n"), fails: "control character"},
		{name: "two statuses", sends: out("Status: 200\r\nStatus: 200\r\n\r\n"), fails: "more than one"},
		{name: "interim", sends: out("Status: 101\r\n\r\n"), fails: "interim"},
		{name: "a bad status", sends: out("Status: 2x0\r\n\r\n"), fails: `status "2x0"`},
		{name: "a long status", sends: out("Status: 2000\r\n\r\n"), fails: `status "2000"`},
		{name: "two lengths", sends: out("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), fails: "not the only one"},
		{name: "a bad length", sends: out("Content-Length: -3\r\n\r\nabc"), fails: "is no number"},
		{name: "chunks", sends: out("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), fails: "Transfer-Encoding"},
		{name: "a lookalike", sends: out("Content_Length: 3\r\n\r\nabc"), fails: "looks like"},
		{name: "a head without end", sends: record(6, "X: "+strings.Repeat("a", 30000)) + record(6, strings.Repeat("a", 60000)), fails: "more than 65536 bytes"},
		{name: "too many fields", sends: out(strings.Repeat("X: y\n", 51) + "\n"), fails: "more than 50 header fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := raw(t, func(nc net.Conn) {
				if readRequest(nc) == nil {
					_, _ = io.WriteString(nc, c.sends)
				}
			})
			req := get("/")
			if c.method != "" {
				req.Method = c.method
			}
			a := do(dial(t, addr, fastcgi.Config{Limits: exchange.Limits{HeadBytes: 1 << 16, Fields: 50}}), req, nil)
			if c.fails != "" {
				if a.err == nil || a.Status != 0 && a.body != "" || !strings.Contains(a.err.Error(), c.fails) {
					t.Errorf("got %d, %v, want an error with %q", a.Status, a.err, c.fails)
				}
				return
			}
			if a.Status != c.status || a.body != c.body {
				t.Errorf("got %d %q, want %d %q", a.Status, a.body, c.status, c.body)
			}
			if (a.err == nil) != (c.cut == "") || a.err != nil && !strings.Contains(a.err.Error(), c.cut) {
				t.Errorf("the body ended with %v, want %q", a.err, c.cut)
			}
			if a.Header.Has("Connection") || a.Header.Has("Keep-Alive") || a.Header.Has("Status") {
				t.Errorf("fields that are not for clients: %v", a.Header.Fields())
			}
			if a.finish {
				t.Error("the connection is kept, and nobody asked for it")
			}
		})
	}
}

// readRequest reads records up to the end of STDIN.
func readRequest(r io.Reader) error {
	for {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return err
		}
		n := int(h[4])<<8 | int(h[5])
		if _, err := io.CopyN(io.Discard, r, int64(n)+int64(h[6])); err != nil {
			return err
		}
		if h[1] == 5 && n == 0 {
			return nil
		}
	}
}

// TestKeepConn checks that a connection carries one exchange after the other, and
// no longer when something is left of one.
func TestKeepConn(t *testing.T) {
	asked := make(chan byte, 10)
	rest := make(chan string, 10)
	addr := raw(t, func(nc net.Conn) {
		for {
			var begin [16]byte
			if _, err := io.ReadFull(nc, begin[:]); err != nil {
				return
			}
			asked <- begin[10]
			if readRequest(nc) != nil {
				return
			}
			_, _ = io.WriteString(nc, out("X: y\n\nhello")+<-rest)
		}
	})
	c := dial(t, addr, fastcgi.Config{KeepConn: true})
	for i, more := range []string{"", "", "late"} {
		rest <- more
		a := do(c, get("/"), nil)
		if a.err != nil || a.body != "hello" || a.finish != (more == "") {
			t.Errorf("exchange %d: %q, %v, kept %v", i, a.body, a.err, a.finish)
		}
		if flags := <-asked; flags != 1 {
			t.Errorf("flags %d, want FCGI_KEEP_CONN", flags)
		}
		if c.Reused() != (i > 0) {
			t.Errorf("exchange %d: reused is %v", i, c.Reused())
		}
	}
}

// TestStale checks that a connection that the backend closed is noticed before
// anything of the request is gone.
func TestStale(t *testing.T) {
	closed := make(chan struct{})
	addr := raw(t, func(nc net.Conn) {
		_ = readRequest(nc)
		_, _ = io.WriteString(nc, out("X: y\n\nhello"))
		_ = nc.Close()
		close(closed)
	})
	c := dial(t, addr, fastcgi.Config{KeepConn: true})
	if a := do(c, get("/"), nil); a.err != nil {
		t.Fatal(a.err)
	}
	<-closed
	var se *exchange.SendError
	for range 1000 {
		a := do(c, post(strings.NewReader("abc"), 3), nil)
		if errors.As(a.err, &se) {
			break
		}
	}
	if se == nil || !se.Unsent && !se.Silent {
		t.Errorf("got %+v", se)
	}
}

// TestStderr checks that a bounded piece of what a program says is passed on.
func TestStderr(t *testing.T) {
	for _, c := range []struct{ says, want string }{
		{"", ""},
		{record(7, "PHP Warning:  x\n") + record(7, ""), "PHP Warning:  x"},
		{strings.Repeat(record(7, strings.Repeat("e", 1000)), 100), strings.Repeat("e", 4096)},
	} {
		addr := raw(t, func(nc net.Conn) {
			_ = readRequest(nc)
			_, _ = io.WriteString(nc, c.says+out("X: y\n\nhello"))
		})
		got := ""
		a := do(dial(t, addr, fastcgi.Config{OnStderr: func(s string) { got += s }}), get("/"), nil)
		if a.err != nil || a.body != "hello" || got != c.want {
			t.Errorf("%v, %d bytes of errors, want %d", a.err, len(got), len(c.want))
		}
	}
}

// TestTimeLimits checks the limits of head and body.
func TestTimeLimits(t *testing.T) {
	for _, sends := range []string{"", record(6, "X: y\n\nhe")} {
		end := make(chan struct{})
		addr := raw(t, func(nc net.Conn) {
			_ = readRequest(nc)
			_, _ = io.WriteString(nc, sends)
			<-end
		})
		c := dial(t, addr, fastcgi.Config{})
		c.LimitBody(20*time.Millisecond, 0)
		a := do(c, get("/"), &exchange.SendOptions{Timeout: 20 * time.Millisecond})
		if !errors.Is(a.err, sock.ErrTimeout) {
			t.Errorf("got %v", a.err)
		}
		close(end)
	}
}

// TestInterrupt checks that a wait can be ended from outside.
func TestInterrupt(t *testing.T) {
	asked, end := make(chan struct{}), make(chan struct{})
	addr := raw(t, func(nc net.Conn) { _ = readRequest(nc); close(asked); <-end })
	defer close(end)
	c := dial(t, addr, fastcgi.Config{})
	go func() { <-asked; c.Interrupt() }()
	if a := do(c, get("/"), nil); a.err == nil {
		t.Error("no error")
	}
}

// TestEarlyAnswer checks that an answer that comes before the body was read ends
// the upload.
func TestEarlyAnswer(t *testing.T) {
	addr := raw(t, func(nc net.Conn) {
		_, _ = io.CopyN(io.Discard, nc, 64)
		_, _ = io.WriteString(nc, out("Status: 413\n\nno"))
		_, _ = io.Copy(io.Discard, nc)
	})
	c := dial(t, addr, fastcgi.Config{KeepConn: true})
	a := do(c, post(io.LimitReader(endless{}, 1<<30), 1<<30), nil)
	if a.err != nil || a.Status != 413 || a.finish {
		t.Errorf("got %+v", a)
	}
}

// TestUpgrade checks that no upgrade is tried.
func TestUpgrade(t *testing.T) {
	addr := raw(t, func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) })
	if a := do(dial(t, addr, fastcgi.Config{}), get("/"), &exchange.SendOptions{Upgrade: "websocket"}); !errors.Is(a.err, exchange.ErrNoUpgrade) {
		t.Errorf("got %v", a.err)
	}
}

// FuzzResponse feeds anything to the client: it neither panics nor hangs, and a
// body that ends well was ended by END_REQUEST or its length.
func FuzzResponse(f *testing.F) {
	f.Add([]byte(out("X: y\r\n\r\nhello")))
	f.Add([]byte(record(6, "Status: 404\n\n") + record(7, "x") + ends(1, 0)))
	f.Add([]byte(out("Content-Length: 3\r\n\r\nabc")))
	f.Add([]byte("\x01\x06\x00\x01\x00\x02\x05\x00hi\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer theirs.Close()
			if readRequest(theirs) == nil {
				_, _ = theirs.Write(data)
			}
		}()
		c := fastcgi.NewClient(sock.Wrap(ours, nil), fastcgi.Config{})
		a := do(c, get("/"), nil)
		if a.err == nil && a.Body != nil && a.ContentLength == message.Unknown && !bytes.Contains(data, []byte{3, 0, 1, 0, 8}) {
			t.Errorf("a whole body without END_REQUEST: %q", a.body)
		}
		_ = c.Close()
		<-done
	})
}

func BenchmarkExchange(b *testing.B) {
	response := []byte(out("Content-Type: text/plain\r\n\r\nhello"))
	addr := raw(b, func(nc net.Conn) {
		for readRequest(nc) == nil {
			_, _ = nc.Write(response)
		}
	})
	c := dial(b, addr, fastcgi.Config{KeepConn: true})
	req := get("/a?b=c", "Accept", "*/*", "User-Agent", "bench", "Cookie", "a=b")
	var resp message.Response
	o := &exchange.SendOptions{Host: "www.example.org"}
	p := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		resp.Reset()
		if err := c.Do(req, &resp, o); err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := resp.Body.Read(p); err != nil {
				break
			}
		}
		if !c.Finish() {
			b.Fatal("not kept")
		}
	}
}
