package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

const (
	mediumBody = 10 << 10
	streamBody = 100_000_000
	maxHead    = 64 << 10
)

// replies are the prepared answers. The body of the stream is not in it but
// written from block again and again.
type replies struct {
	small, medium, stream prepared
	refuse                []byte
	block                 []byte
}

// prepared is one answer in both its forms.
type prepared struct{ keep, close []byte }

func newReplies() replies {
	r := replies{block: make([]byte, 1<<20)}
	for i := range r.block {
		r.block[i] = byte('a' + i%26)
	}
	r.small = prepare(r.block[:100], 100)
	r.medium = prepare(r.block[:mediumBody], mediumBody)
	r.stream = prepare(nil, streamBody)
	r.refuse = reply(411, "Connection: close\r\n", nil, 0)
	return r
}

func prepare(body []byte, length int) prepared {
	return prepared{keep: reply(200, "", body, length), close: reply(200, "Connection: close\r\n", body, length)}
}

func reply(status int, extra string, body []byte, length int) []byte {
	date := time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	return fmt.Appendf(nil, "HTTP/1.1 %d Origin\r\nDate: %s\r\nContent-Type: text/plain\r\n%sContent-Length: %d\r\n\r\n%s",
		status, date, extra, length, body)
}

// conn is one connection: what was read and not yet understood, and what is
// to be written.
type conn struct {
	in      []byte // input that waits for the rest of its head, or for its turn
	post    bool   // a request body is being skipped
	skip    int    // bytes of it still to come
	out     []byte // rest of the reply being written
	left    int    // bytes of the streamed body still to be written
	bye     bool   // the request asked to close
	last    bool   // close when everything is written
	watched uint32
	h2      *h2conn // after the preface of HTTP/2
}

func (c *conn) writing() bool { return len(c.out) > 0 || c.left > 0 }

// next is what to write now.
func (c *conn) next(block []byte) []byte {
	if len(c.out) > 0 {
		return c.out
	}
	return block[:min(len(block), c.left)]
}

// wrote notes n bytes written and takes up the next request when they were the
// end of a reply.
func (c *conn) wrote(n int, r *replies) {
	if len(c.out) > 0 {
		c.out = c.out[n:]
	} else {
		c.left -= n
	}
	if !c.writing() && len(c.in) > 0 && !c.last {
		in := c.in
		c.in = nil
		c.feed(in, r)
	}
}

// feed takes input; it stops at the first request that has a reply, the rest
// waits until that is written.
func (c *conn) feed(b []byte, r *replies) {
	if c.h2 != nil {
		c.feedH2(b)
		return
	}
	if len(c.in) > 0 {
		b = append(c.in, b...)
		c.in = nil
	}
	for len(b) > 0 && !c.writing() && !c.last {
		if c.post {
			n := min(c.skip, len(b))
			c.skip -= n
			b = b[n:]
			c.endPost(r)
			continue
		}
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			c.last = len(b) > maxHead
			break
		}
		if bytes.HasPrefix(b, []byte("PRI ")) {
			c.h2 = newH2()
			c.feedH2(b)
			return
		}
		c.request(b[:end+2], r)
		b = b[end+4:]
	}
	if len(b) > 0 {
		c.in = append([]byte(nil), b...)
	}
}

// request takes up one head, which ends with the line end of its last field.
func (c *conn) request(head []byte, r *replies) {
	c.bye = wantsClose(head)
	switch {
	case head[0] == 'P':
		length, ok := contentLength(head)
		if !ok {
			c.out, c.last = r.refuse, true
			return
		}
		c.post, c.skip = true, length
		c.endPost(r)
	case bytes.HasPrefix(head, []byte("GET /100m")):
		c.answer(r.stream)
		c.left = streamBody
	case bytes.HasPrefix(head, []byte("GET /10k")):
		c.answer(r.medium)
	default:
		c.answer(r.small)
	}
}

func (c *conn) endPost(r *replies) {
	if c.skip == 0 {
		c.post = false
		c.answer(r.small)
	}
}

func (c *conn) answer(p prepared) {
	c.out, c.last = p.keep, c.bye
	if c.bye {
		c.out = p.close
	}
}

// wantsClose looks for "Connection: close" and for HTTP/1.0.
func wantsClose(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	if bytes.HasSuffix(line, []byte("HTTP/1.0")) {
		return true
	}
	v, ok := field(head, "connection")
	return ok && bytes.EqualFold(v, []byte("close"))
}

func contentLength(head []byte) (int, bool) {
	v, ok := field(head, "content-length")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(v))
	return n, err == nil && n >= 0
}

// field finds a field by its lower case name.
func field(head []byte, name string) ([]byte, bool) {
	for {
		_, rest, ok := bytes.Cut(head, []byte("\r\n"))
		if !ok || len(rest) == 0 {
			return nil, false
		}
		if len(rest) > len(name) && rest[len(name)] == ':' && bytes.EqualFold(rest[:len(name)], []byte(name)) {
			v, _, _ := bytes.Cut(rest[len(name)+1:], []byte("\r\n"))
			return bytes.TrimSpace(v), true
		}
		head = rest
	}
}
