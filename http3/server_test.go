package http3

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// echo answers with what came.
func echo(d exchange.Downstream) {
	r := &d.Record().Request
	resp := &message.Response{Status: 200}
	resp.Header.Add("X-Path", r.Path)
	resp.Header.Add("X-Length", strconv.FormatInt(r.ContentLength, 10))
	if r.Body == nil {
		_ = d.Reply(resp)
		return
	}
	resp.SetBody(r.Body, r.ContentLength)
	_ = d.Reply(resp)
}

// get reads a response to its end.
func get(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return string(b)
}

func TestRequest(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		r := &d.Record().Request
		var names []string
		for _, f := range r.Header.Fields() {
			names = append(names, f.Name+"="+f.Value)
		}
		_ = d.Reply(text(200, fmt.Sprint(r.Method, " ", r.Scheme, " ", r.Host, " ", r.Path, " ", r.RawPath, " ", r.Query, " ",
			r.Major, " ", r.Minor, " ", r.Remote.Addr(), " ", r.Local.Port() != 0, " ", r.TLS.NegotiatedProtocol, " ", r.Body == nil, " ", strings.Join(names, ","))))
	}, nil)
	req, _ := http.NewRequest(http.MethodGet, b.url("/a%20b?c=d"), http.NoBody)
	req.Header.Set("X-One", "1")
	req.Header.Set("User-Agent", "me")
	resp, err := b.client().Do(req)
	got := get(t, resp, err)
	if resp.ContentLength != int64(len(got)) || resp.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("head: %v, length %d", resp.Header, resp.ContentLength)
	}
	want := fmt.Sprint("GET https ", b.addr, " /a b /a%20b c=d 3 0 127.0.0.1 true h3 true ")
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "x-one=1") || !strings.Contains(got, "user-agent=me") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestManyStreams has many requests at a time on few connections.
func TestManyStreams(t *testing.T) {
	b := serve(t, echo, nil)
	c := b.client()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 20 {
				body := strings.Repeat(fmt.Sprint(i, "-", j, " "), 1+i*j)
				resp, err := c.Post(b.url("/"), "text/plain", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				if err != nil || string(got) != body {
					t.Errorf("%d/%d: %d bytes, expected %d: %v", i, j, len(got), len(body), err)
				}
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if n, refused := b.h.calls(); n != 1000 || len(refused) > 0 {
		t.Errorf("%d handled, refused %v", n, refused)
	}
}

// pattern reads n bytes that differ from place to place.
type pattern struct{ at, n int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.n {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.n-p.at)]
	for i := range b {
		b[i] = byte((p.at + int64(i)) * 31 >> 3)
	}
	p.at += int64(len(b))
	return len(b), nil
}

func TestLargeBodies(t *testing.T) {
	const size = large
	want := sha256.New()
	_, _ = io.Copy(want, &pattern{n: size})
	var came atomic.Value
	b := serve(t, func(d exchange.Downstream) {
		sum := sha256.New()
		if body := d.Record().Request.Body; body != nil {
			if n, err := io.Copy(sum, body); err != nil || n != size {
				t.Errorf("upload: %d bytes, %v", n, err)
			}
		}
		came.Store(sum.Sum(nil))
		resp := &message.Response{Status: 200}
		resp.SetBody(&pattern{n: size}, message.Unknown)
		if err := d.Reply(resp); err != nil {
			t.Errorf("reply: %v", err)
		}
	}, nil)
	resp, err := b.client().Post(b.url("/"), "x/y", &pattern{n: size})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, resp.Body)
	_ = resp.Body.Close()
	if err != nil || n != size {
		t.Fatalf("download: %d bytes, %v", n, err)
	}
	if !bytes.Equal(sum.Sum(nil), want.Sum(nil)) || !bytes.Equal(came.Load().([]byte), want.Sum(nil)) {
		t.Error("the content differs")
	}
}

func TestTrailersBothWays(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		r := &d.Record().Request
		body, err := io.ReadAll(r.Body)
		resp := &message.Response{Status: 200}
		resp.Header.Add("Trailer", "Grpc-Status")
		resp.SetBody(strings.NewReader(string(body)+fmt.Sprint(err)), message.Unknown)
		resp.Trailer.Add("Grpc-Status", r.Trailer.Get("X-Sum"))
		resp.Trailer.Add("Content-Length", "7")
		_ = d.Reply(resp)
	}, nil)
	req, _ := http.NewRequest(http.MethodPost, b.url("/"), io.NopCloser(strings.NewReader("hello ")))
	req.Trailer = http.Header{"X-Sum": {"42"}, "Authorization": {"no"}}
	resp, err := b.client().Do(req)
	if got := get(t, resp, err); got != "hello <nil>" {
		t.Errorf("body %q", got)
	}
	if got := resp.Trailer; got.Get("Grpc-Status") != "42" || got.Get("Content-Length") != "" {
		t.Errorf("trailers %v", got)
	}
}

func TestInterim(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		var o exchange.SendOptions
		d.SendOptions(&o)
		early := &message.Response{Status: 103}
		early.Header.Add("Link", "</a.css>")
		o.Inform(early)
		body, err := io.ReadAll(d.Record().Request.Body) // asks for it
		if err != nil || !o.Expect {
			t.Errorf("expect %t, %v", o.Expect, err)
		}
		_ = d.Reply(text(200, string(body)))
	}, nil)
	var mu sync.Mutex
	var seen []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(code, h.Get("Link")))
		return nil
	}}
	req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, b.url("/"), strings.NewReader("body"))
	req.Header.Set("Expect", "100-continue")
	resp, err := b.client().Do(req)
	if got := get(t, resp, err); got != "body" {
		t.Errorf("body %q", got)
	}
	mu.Lock()
	defer mu.Unlock()
	// Whether the body is asked for depends on whether it came unasked before.
	if got := fmt.Sprint(seen); got != "[103</a.css>]" && got != "[103</a.css> 100]" {
		t.Errorf("interim responses %v", seen)
	}
}

func TestBodilessResponses(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		r := &d.Record().Request
		status, _ := strconv.Atoi(r.Path[1:])
		resp := text(status, "nobody reads this")
		resp.Header.Add("Content-Length", "17")
		_ = d.Reply(resp)
	}, nil)
	c := b.client()
	for _, tt := range []struct {
		method, path string
		length       int64
		body         string
	}{
		{"HEAD", "/200", 17, ""},
		{"GET", "/204", 0, ""},
		{"GET", "/304", 17, ""},
		{"GET", "/200", 17, "nobody reads this"},
	} {
		req, _ := http.NewRequest(tt.method, b.url(tt.path), http.NoBody)
		resp, err := c.Do(req)
		got := get(t, resp, err)
		said, _ := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64)
		if got != tt.body || said != tt.length {
			t.Errorf("%s %s: body %q, Content-Length %d, expected %q and %d", tt.method, tt.path, got, said, tt.body, tt.length)
		}
	}
}

// TestEarlyResponse answers before the request's body came: the client is told to
// stop and the connection goes on.
func TestEarlyResponse(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) { _ = d.Reply(text(413, "too much")) }, nil)
	c := b.client()
	for range 3 {
		resp, err := c.Post(b.url("/"), "x/y", &pattern{n: 64 << 20})
		if got := get(t, resp, err); resp.StatusCode != 413 || got != "too much" {
			t.Errorf("%d %q", resp.StatusCode, got)
		}
	}
	if n := b.srv.Conns(); n != 1 {
		t.Errorf("%d connections, expected 1", n)
	}
}

// interrupted is an Upstream that is told when its client went away.
type interrupted struct {
	exchange.Upstream
	ch chan struct{}
}

func (u *interrupted) Interrupt() { close(u.ch) }

// TestCancel has a client give up while it waits, and while it reads.
func TestCancel(t *testing.T) {
	for _, during := range []string{"wait", "body"} {
		t.Run(during, func(t *testing.T) {
			var gone atomic.Int32
			done := make(chan error, 1)
			b := serve(t, func(d exchange.Downstream) {
				u := &interrupted{ch: make(chan struct{})}
				d.Pair(u)
				d.OnGone(func() { gone.Add(1) })
				var err error
				if during == "body" {
					resp := &message.Response{Status: 200}
					resp.SetBody(&pattern{n: 1 << 40}, message.Unknown)
					err = d.Reply(resp)
				}
				<-u.ch
				if d.Unpair() || !d.Gone() {
					err = errors.Join(err, errors.New("left alone"))
				}
				done <- err
			}, nil)
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url("/"), http.NoBody)
			if during == "body" {
				resp, err := b.client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.CopyN(io.Discard, resp.Body, 1<<20)
				_ = resp.Body.Close()
				var re *exchange.ReplyError
				if err := <-done; !errors.As(err, &re) || re.Backend {
					t.Errorf("reply: %v", err)
				}
			} else {
				s, err := b.dial().OpenStreamSync(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				_, _ = s.Write(headers(get1))
				_ = s.Close()
				eventually(t, "handled", func() bool { n, _ := b.h.calls(); return n == 1 })
				s.CancelRead(CodeRequestCancelled.stream())
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			eventually(t, "OnGone", func() bool { return gone.Load() == 1 })
		})
	}
}

// broken is a body that fails.
type broken struct{ r io.Reader }

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = errors.New("broken")
	}
	return n, err
}

// TestBrokenResponse has a body end too early: the client must not take it for
// complete.
func TestBrokenResponse(t *testing.T) {
	for _, length := range []int64{message.Unknown, 10} {
		b := serve(t, func(d exchange.Downstream) {
			resp := &message.Response{Status: 200}
			resp.SetBody(&broken{strings.NewReader("half")}, length)
			var re *exchange.ReplyError
			if err := d.Reply(resp); !errors.As(err, &re) || !re.Backend {
				t.Errorf("reply: %v", err)
			}
		}, nil)
		resp, err := b.client().Get(b.url("/"))
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		if err == nil {
			t.Error("the client took half a response for a whole one")
		}
	}
}

// TestAltSvc looks at what is announced, and that it ends.
func TestAltSvc(t *testing.T) {
	for _, tt := range []struct {
		port int
		age  time.Duration
		want string
	}{
		{443, time.Minute, `h3=":443"; ma=60`},
		{0, time.Second, `h3=":PORT"; ma=1`},
		{443, 0, ""},
	} {
		b := serve(t, echo, func(cfg *ServerConfig) { cfg.AdvertisePort, cfg.AltSvcMaxAge = tt.port, tt.age })
		b.dial() // it serves
		_, port, _ := strings.Cut(b.addr, ":")
		if got := b.srv.AltSvc(); got != strings.Replace(tt.want, "PORT", port, 1) {
			t.Errorf("announced %q, expected %q", got, tt.want)
		}
		b.stop()
		if got := b.srv.AltSvc(); got != "" {
			t.Errorf("announced after the end: %q", got)
		}
	}
}
