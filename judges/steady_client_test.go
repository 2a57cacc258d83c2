package judges

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// steadyWay is how clients come.
type steadyWay struct {
	name       string
	secure, h2 bool
	once       bool // a connection for each request
}

var steadyWays = []steadyWay{
	{"HTTP/1", false, false, false}, {"HTTP/1 once", false, false, true},
	{"HTTP/1 TLS", true, false, false}, {"HTTP/1 TLS once", true, false, true},
	{"h2c", false, true, false}, {"HTTP/2 TLS", true, true, false},
}

// tls returns what a client of the way trusts and speaks.
func (s *steadyTown) tls(w steadyWay) *tls.Config {
	c := &tls.Config{RootCAs: s.ca.Pool(), ServerName: frontName, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	if w.h2 {
		c.NextProtos = []string{"h2"}
	}
	return c
}

// client returns a client of net/http, which sends again what HTTP allows and
// nothing else.
func (s *steadyTown) client(w steadyWay) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(!w.h2)
	p.SetHTTP2(w.h2 && w.secure)
	p.SetUnencryptedHTTP2(w.h2 && !w.secure)
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		Protocols: p, TLSClientConfig: s.tls(w), DisableKeepAlives: w.once, DisableCompression: true, MaxIdleConnsPerHost: 10,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, w.secure) },
	}}
}

func (w steadyWay) url(path string) string {
	if w.secure {
		return "https://" + frontName + path
	}
	return "http://" + frontName + path
}

// answer checks a response to its end.
func answer(resp *http.Response, err error, want func(body []byte) bool) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s, after %d bytes: %w", resp.Status, len(body), err)
	}
	if resp.StatusCode != http.StatusOK || !want(body) {
		return fmt.Errorf("%s: %.100q", resp.Status, body)
	}
	return nil
}

// fast asks for something small.
func (w steadyWay) fast(c *http.Client) error {
	resp, err := c.Get(w.url("/fast"))
	return answer(resp, err, func(b []byte) bool { return string(b) == "fast" })
}

// down is a slow download; under HTTP/2 it looks like a stream of gRPC.
func (w steadyWay) down(c *http.Client) error {
	resp, err := c.Get(w.url("/down"))
	err = answer(resp, err, func(b []byte) bool {
		for i := range slowPieces {
			if len(b) != slowPieces*slowBytes || b[i*slowBytes] != byte(i) {
				return false
			}
		}
		return true
	})
	if err == nil && resp.Trailer.Get("Grpc-Status") != "0" {
		return fmt.Errorf("the trailer is %v", resp.Trailer)
	}
	return err
}

// up is a slow upload that cannot be sent twice.
func (w steadyWay) up(c *http.Client) error {
	r, in := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range slowPieces {
			if _, err := in.Write(make([]byte, slowBytes)); err != nil {
				return
			}
			<-time.After(slowPause)
		}
		_ = in.Close()
	}()
	resp, err := c.Post(w.url("/up"), "", struct{ io.Reader }{r})
	err = answer(resp, err, func(b []byte) bool { return string(b) == fmt.Sprintf("%d <nil>", slowPieces*slowBytes) })
	_ = r.Close()
	<-done
	return err
}

// socket opens a WebSocket and talks through it until stop, or until the other
// side leaves as it must: with a Close frame, going away, and an end behind it.
func (s *steadyTown) socket(w steadyWay, stop <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	nc, err := s.dial(ctx, w.secure)
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if w.secure {
		nc = tls.Client(nc, s.tls(w))
	}
	in, out, err := openSteady(nc, w)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		op, last := byte(opText), false
		text := fmt.Appendf(nil, "%d", n)
		select {
		case <-stop:
			op, last, text = opClose, true, []byte{3, 232}
		case <-time.After(10 * time.Millisecond):
		}
		werr := writeFrame(out, op, text, true)
		gotOp, got, err := readFrame(in)
		switch {
		case err != nil:
			return fmt.Errorf("message %d: %w (written: %w)", n, err, werr)
		case gotOp == opClose:
			if code := closeCode(got); code != 1001 && (!last || code != 1000) {
				return fmt.Errorf("message %d: closed with %d", n, code)
			}
			_ = writeFrame(out, opClose, got, true)
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				return fmt.Errorf("behind the Close frame: %q %w", rest, err)
			}
			return nil
		case !bytes.Equal(got, text):
			return fmt.Errorf("message %d: got %q", n, got)
		}
	}
}

// openSteady opens a WebSocket over nc.
func openSteady(nc net.Conn, w steadyWay) (*bufio.Reader, io.Writer, error) {
	if w.h2 {
		f := &steadyFrames{nc: nc, fr: http2.NewFramer(nc, nc), dec: hpack.NewDecoder(4096, nil)}
		err := f.open()
		return bufio.NewReader(f), f, err
	}
	_, err := io.WriteString(nc, "GET /ws HTTP/1.1\r\nHost: "+frontName+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReader(nc)
	resp, err := http.ReadResponse(r, nil)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = errors.New(resp.Status)
	}
	return r, nc, err
}

// steadyFrames is a tunnel by extended CONNECT on stream 1.
type steadyFrames struct {
	nc     net.Conn
	fr     *http2.Framer
	dec    *hpack.Decoder
	status string
	data   []byte
	end    error
}

func (f *steadyFrames) open() error {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, h := range []string{":method CONNECT", ":protocol websocket", ":scheme https", ":path /ws", ":authority " + frontName, "sec-websocket-version 13"} {
		name, value, _ := strings.Cut(h, " ")
		_ = enc.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	_, err := io.WriteString(f.nc, http2.ClientPreface)
	err = errors.Join(err, f.fr.WriteSettings(),
		f.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}))
	for err == nil && f.status == "" && f.end == nil {
		err = f.next()
	}
	if err == nil && f.status != "200" {
		err = fmt.Errorf("status %q, %w", f.status, f.end)
	}
	return err
}

// next takes one frame.
func (f *steadyFrames) next() error {
	fr, err := f.fr.ReadFrame()
	if err != nil {
		return err
	}
	switch fr := fr.(type) {
	case *http2.SettingsFrame:
		if !fr.IsAck() {
			return f.fr.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !fr.IsAck() {
			return f.fr.WritePing(true, fr.Data)
		}
	case *http2.GoAwayFrame:
		if fr.ErrCode != http2.ErrCodeNo || fr.LastStreamID < 1 {
			return fmt.Errorf("GOAWAY %v, last stream %d", fr.ErrCode, fr.LastStreamID)
		}
	case *http2.HeadersFrame:
		fields, err := f.dec.DecodeFull(fr.HeaderBlockFragment())
		if err != nil {
			return err
		}
		f.status = fields[0].Value
	case *http2.DataFrame:
		f.data = append(f.data, fr.Data()...)
		if fr.StreamEnded() {
			f.end = io.EOF
		}
	case *http2.RSTStreamFrame:
		f.end = fmt.Errorf("reset: %v", fr.ErrCode)
	}
	return nil
}

func (f *steadyFrames) Read(p []byte) (int, error) {
	for len(f.data) == 0 {
		if f.end != nil {
			return 0, f.end
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

func (f *steadyFrames) Write(p []byte) (int, error) { return len(p), f.fr.WriteData(1, false, p) }
