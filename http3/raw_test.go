package http3

import (
	"io"
	"testing"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go/quicvarint"
)

// kv is a field as it goes on the wire.
type kv struct{ name, value string }

// get1 is a good request.
var get1 = []kv{{":method", "GET"}, {":scheme", "https"}, {":authority", "test.example"}, {":path", "/"}}

// section encodes a field section.
func section(fields []kv) []byte {
	e := &encoder{}
	e.enc = qpack.NewEncoder(e)
	for _, f := range fields {
		_ = e.enc.WriteField(qpack.HeaderField{Name: f.name, Value: f.value})
	}
	if len(fields) == 0 {
		return []byte{0, 0}
	}
	return e.block
}

// frame makes a frame.
func frame(kind uint64, payload []byte) []byte {
	return append(appendFrame(nil, kind, uint64(len(payload))), payload...)
}

func headers(fields []kv) []byte { return frame(frameHeaders, section(fields)) }

// with returns a request with more fields, or with others in place of those with
// the same name.
func with(more ...kv) []kv {
	var out []kv
	for _, f := range get1 {
		for _, m := range more {
			if m.name == f.name {
				f.value = m.value
			}
		}
		out = append(out, f)
	}
next:
	for _, m := range more {
		for _, f := range get1 {
			if m.name == f.name {
				continue next
			}
		}
		out = append(out, m)
	}
	return out
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// answer reads the response of a stream: its status, its body, and how it ended.
func answer(t *testing.T, r io.Reader) (status string, body []byte, err error) {
	t.Helper()
	br := quicvarint.NewReader(r)
	for {
		kind, err := quicvarint.Read(br)
		if err != nil {
			return status, body, err
		}
		n, err := quicvarint.Read(br)
		if err != nil {
			return status, body, err
		}
		p := make([]byte, n)
		if _, err := io.ReadFull(br, p); err != nil {
			return status, body, err
		}
		switch kind {
		case frameData:
			body = append(body, p...)
		case frameHeaders:
			if status != "" {
				continue
			}
			f, err := qpack.NewDecoder().Decode(p)()
			if err != nil {
				t.Fatal(err)
			}
			status = f.Value
		}
	}
}
