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
