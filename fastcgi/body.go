package fastcgi

import (
	"encoding/binary"
	"io"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// output is what comes back on a connection: STDOUT, taken out of its records. It
// implements exchange.Body; before the head was read it yields the head.
type output struct {
	in      *input
	rec     header // the record at hand: what is left of it
	ended   bool   // END_REQUEST was read
	app     uint32 // exit status of the program
	err     error
	left    int64 // of the body; message.Unknown: until END_REQUEST
	onWait  func()
	onError func([]byte) // STDERR
}

// mostInput is how much is asked for at once.
const mostInput = buf.Medium

// begin prepares o for the next response.
func (o *output) begin() {
	o.rec, o.ended, o.app, o.err, o.left = header{}, false, 0, nil, message.Unknown
}

// Arrived implements exchange.Body.
func (o *output) Arrived() ([]byte, error) {
	for {
		if o.err != nil {
			return nil, o.err
		}
		if o.over() {
			if o.left > 0 {
				o.err = bad("the body ended %d bytes before its Content-Length", o.left)
				return nil, o.err
			}
			return nil, io.EOF
		}
		data := o.in.unread()
		if n := min(len(data), o.rec.content); o.rec.kind == stdout && n > 0 {
			if o.left >= 0 {
				n = int(min(int64(n), o.left))
			}
			return data[:n], nil
		}
		if len(data) == 0 || !o.step(data) {
			return nil, o.err
		}
	}
}

// over reports whether nothing more belongs to the body.
func (o *output) over() bool { return o.left == 0 || o.ended }

// step takes what is no STDOUT off data. It returns false when there is too
// little of it, or something is wrong.
func (o *output) step(data []byte) bool {
	switch {
	case o.rec.content == 0 && o.rec.padding > 0:
		n := min(len(data), o.rec.padding)
		o.rec.padding -= n
		o.in.skip(n)
	case o.rec.content == 0:
		return o.header(data)
	case o.rec.kind == endRequest:
		return o.end(data)
	default:
		n := min(len(data), o.rec.content)
		if o.rec.kind == stderr {
			o.onError(data[:n])
		}
		o.rec.content -= n
		o.in.skip(n)
	}
	return true
}

// header reads the header of the next record.
func (o *output) header(data []byte) bool {
	if len(data) < headerBytes {
		return false
	}
	h, ok := parseHeader(data)
	switch {
	case !ok:
		o.err = bad("no FastCGI: a record of version %d, expected %d", data[0], version)
	case h.id != 0 && h.id != requestID:
		o.err = bad("a record of request %d, expected %d", h.id, requestID)
	case h.id == 0 && (h.kind == stdout || h.kind == stderr || h.kind == endRequest):
		o.err = bad("a record of type %d without a request", h.kind)
	case h.kind == endRequest && h.content != 8:
		o.err = bad("END_REQUEST with %d bytes, expected 8", h.content)
	}
	if o.err != nil {
		return false
	}
	o.rec = h
	o.in.skip(headerBytes)
	return true
}

// end reads the content of END_REQUEST.
func (o *output) end(data []byte) bool {
	if len(data) < o.rec.content {
		return false
	}
	o.app = binary.BigEndian.Uint32(data)
	status := data[4]
	o.in.skip(o.rec.content)
	o.rec.content = 0
	switch status {
	case 0:
		o.ended = true
	case 2:
		o.err = ErrOverloaded
	default:
		o.err = bad("the backend refused the request with protocol status %d", status)
	}
	return true
}

// Next implements exchange.Body.
func (o *output) Next(int) ([]byte, error) {
	for {
		data, err := o.Arrived()
		if len(data) > 0 || err != nil {
			return data, err
		}
		if o.onWait != nil {
			o.onWait()
		}
		if err := o.in.more(); err != nil {
			o.err = err
			return nil, err
		}
	}
}

// Consume implements exchange.Body.
func (o *output) Consume(n int) {
	o.rec.content -= n
	o.in.skip(n)
	if o.left > 0 {
		o.left -= int64(n)
	}
}

// Read implements io.Reader.
func (o *output) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	data, err := o.Next(mostInput)
	if err != nil {
		return 0, err
	}
	n := copy(p, data)
	o.Consume(n)
	return n, nil
}

// Whole implements exchange.Body: a body is in pieces.
func (o *output) Whole() ([]byte, bool) { return nil, false }

// Left implements exchange.Body.
func (o *output) Left() int64 { return o.left }

// Ends implements exchange.Body.
func (o *output) Ends(n int) bool {
	if o.left >= 0 {
		return o.left == int64(n)
	}
	return o.ended && n == 0
}

// settle takes what has arrived behind the body and reports whether the exchange
// is complete, with nothing behind it.
func (o *output) settle() bool {
	for o.err == nil && !o.ended {
		data := o.in.unread()
		if len(data) == 0 || o.rec.kind == stdout && o.rec.content > 0 || !o.step(data) {
			return false
		}
	}
	for o.err == nil && o.rec.padding > 0 && len(o.in.unread()) > 0 {
		o.step(o.in.unread())
	}
	return o.err == nil && o.rec.padding == 0 && len(o.in.unread()) == 0
}
