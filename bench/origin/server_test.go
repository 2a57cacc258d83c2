package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// start runs an origin for the time of the test and returns its address.
func start(t *testing.T) string {
	t.Helper()
	s, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s.listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.run(stop) }()
	t.Cleanup(func() {
		close(stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return addr.String()
}

func TestBodies(t *testing.T) {
	addr := start(t)
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	cases := []struct {
		method, path string
		body         string
		want         int64
	}{
		{"GET", "/", "", 100},
		{"GET", "/10k", "", mediumBody},
		{"GET", "/100m", "", streamBody},
		{"POST", "/", strings.Repeat("x", 200_000), 100},
		{"POST", "/", "", 100},
		{"GET", "/p3/x", "", 100},
	}
	for _, closing := range []bool{false, true} {
		for _, c := range cases {
			req, err := http.NewRequest(c.method, "http://"+addr+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Close = closing
			res, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatalf("%s %s (close %v): %v", c.method, c.path, closing, err)
			}
			n, err := io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || n != c.want || res.StatusCode != 200 || res.Close != closing {
				t.Errorf("%s %s (close %v): status %d, %d bytes, close %v, error %v; want %d bytes",
					c.method, c.path, closing, res.StatusCode, n, res.Close, err, c.want)
			}
		}
	}
}

func TestPipelinedInPieces(t *testing.T) {
	addr := start(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := []byte("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /10k HTTP/1.1\r\nHost: a\r\n\r\n" +
		"GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
	for piece := range bytes.SplitAfterSeq(in, []byte("o")) {
		if _, err := c.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	br := bufio.NewReader(c)
	for i, want := range []int64{100, mediumBody, 100} {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if n, err := io.Copy(io.Discard, res.Body); err != nil || n != want {
			t.Errorf("answer %d: %d bytes, error %v, want %d", i, n, err, want)
		}
	}
	if _, err := br.ReadByte(); err != io.EOF {
		t.Errorf("after close: %v, want end of stream", err)
	}
}

func TestChunkedIsRefused(t *testing.T) {
	c, err := net.Dial("tcp", start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusLengthRequired {
		t.Errorf("status %d, want 411", res.StatusCode)
	}
}
