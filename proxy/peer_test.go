package proxy_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

type peerCase struct {
	ID, Kind, Expect, Why string
	Raw                   string `json:"raw_b64"`
	WithHost              string `json:"with_host_b64"`
}

func peerCases(t *testing.T, kind string) (all []peerCase) {
	t.Helper()
	f, err := os.Open("../../shared/peer-cases/http1/cases.jsonl")
	if err != nil {
		t.Skip("the shared peer cases are not beside this checkout")
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var c peerCase
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind == kind {
			all = append(all, c)
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d cases of kind %q", len(all), kind)
	}
	return all
}

func (c peerCase) input(t *testing.T) string {
	t.Helper()
	text := c.WithHost
	if text == "" {
		text = c.Raw
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// recording is a backend that answers every request a strict parser finds in
// the bytes it gets, and keeps what was left over.
type recording struct {
	*rawBackend
	mu       sync.Mutex
	requests int
	leftover string
}

func startRecording(t *testing.T) *recording {
	r := &recording{}
	r.rawBackend = startRaw(t, func(_ int, c net.Conn) {
		br := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(br)
			if err != nil {
				rest, _ := io.ReadAll(br)
				if err != io.EOF || len(rest) > 0 {
					r.mu.Lock()
					r.leftover += err.Error() + ": " + string(rest)
					r.mu.Unlock()
				}
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return // cut: not a request that may be answered
			}
			r.mu.Lock()
			r.requests++
			r.mu.Unlock()
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Recorded: 1\r\nContent-Length: 2\r\n\r\nok"); err != nil {
				return
			}
		}
	})
	return r
}

func (r *recording) take() (requests int, leftover string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests, leftover = r.requests, r.leftover
	r.requests, r.leftover = 0, ""
	return requests, leftover
}

// unknownMethods are the rejected samples that RFC 9110 allows.
var unknownMethods = map[string]bool{"llhttp/request/invalid.md#3": true}

// TestPeerRequests sends the shared cases through the proxy. What reaches the
// backend must parse as exactly the requests that were answered, and nothing
// that has to be rejected may be answered 2xx.
func TestPeerRequests(t *testing.T) {
	cases := peerCases(t, "request")
	rec := startRecording(t)
	p := start(t, `r: * -> "http://`+rec.addr+`"`)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			codes, recorded := p.feed(t, c.input(t))
			requests, leftover := rec.take()
			if requests != recorded {
				t.Errorf("the backend parsed %d requests, the client got %d answers of it (all: %v)", requests, recorded, codes)
			}
			if leftover != "" {
				t.Errorf("the backend was sent what is no request: %q", leftover)
			}
			if c.Expect == "reject" && !unknownMethods[c.ID] {
				for _, code := range codes {
					if code < 300 {
						t.Errorf("must be rejected (%s), but was answered %v", c.Why, codes)
					}
				}
			}
		})
	}
}

// feed sends input, ends the sending side and reads all responses.
func (p *testProxy) feed(t *testing.T, input string) (codes []int, recorded int) {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, input)
	_ = conn.(*net.TCPConn).CloseWrite()
	br := bufio.NewReader(conn)
	for {
		method := "GET"
		if strings.HasPrefix(input, "HEAD ") {
			method = "HEAD"
		}
		resp, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			if rest, _ := io.ReadAll(br); len(rest) > 0 {
				t.Errorf("the client got what is no response: %q (%v)", rest, err)
			}
			return codes, recorded
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Errorf("the client got a broken body: %v", err)
		}
		if resp.StatusCode < 200 {
			continue
		}
		codes = append(codes, resp.StatusCode)
		if resp.Header.Get("X-Recorded") != "" {
			recorded++
		}
	}
}

// TestPeerResponses feeds the shared response cases from a backend. The client
// must get one clean response, a 502, or a connection that ends early.
func TestPeerResponses(t *testing.T) {
	cases := peerCases(t, "response")
	var mu sync.Mutex
	var payload string
	back := startRaw(t, func(_ int, c net.Conn) {
		if _, err := readHead(bufio.NewReader(c)); err != nil {
			return
		}
		mu.Lock()
		text := payload
		mu.Unlock()
		_, _ = io.WriteString(c, text)
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			mu.Lock()
			payload = c.input(t)
			mu.Unlock()
			cl := p.dial()
			cl.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			resp, err := http.ReadResponse(cl.r, &http.Request{Method: "GET"})
			for err == nil && resp.StatusCode < 200 {
				resp, err = http.ReadResponse(cl.r, &http.Request{Method: "GET"})
			}
			if err != nil {
				t.Fatalf("no clean response: %v", err)
			}
			_, err = io.ReadAll(resp.Body)
			if c.Expect == "reject" && err == nil && resp.StatusCode != http.StatusBadGateway {
				t.Errorf("must be rejected (%s), the client got a complete %s", c.Why, resp.Status)
			}
			if rest, _ := io.ReadAll(cl.r); len(rest) > 0 {
				t.Errorf("bytes behind the response: %q", rest)
			}
		})
	}
}
