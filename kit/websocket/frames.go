package websocket

import (
	"crypto/rand"
	"encoding/binary"
)

// Frames follows one direction of a connection. The zero Frames stands before the
// first frame.
type Frames struct {
	head [14]byte // of the frame that has begun
	have int      // bytes of head
	left uint64   // bytes of the payload to come, once the head is complete
	body bool     // the head is complete
	last bool     // a Close frame has begun
}

// Between reports whether the bytes so far ended with the end of a frame.
func (f *Frames) Between() bool { return f.have == 0 && !f.body }

// Next follows b up to the end of the frame that b begins in, or to the end of b,
// and returns how many bytes that were.
func (f *Frames) Next(b []byte) int {
	n := 0
	for !f.body {
		if n == len(b) {
			return n
		}
		f.head[f.have] = b[n]
		f.have++
		n++
		if f.have >= 2 && f.have == f.headSize() {
			f.left, f.body = f.payload(), true
			f.last = f.last || f.head[0]&0x0f == opClose
		}
	}
	part := min(uint64(len(b)-n), f.left)
	f.left -= part
	n += int(part) //nolint:gosec // at most len(b)
	if f.left == 0 {
		f.have, f.body = 0, false
	}
	return n
}

// headSize is the size of the head whose first two bytes are known.
func (f *Frames) headSize() int {
	n := 2
	switch f.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

func (f *Frames) payload() uint64 {
	switch n := f.head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.head[2:])
	default:
		return uint64(n)
	}
}

// Closing reports whether a Close frame has begun or passed: nothing follows it
// (RFC 6455 5.5.1).
func (f *Frames) Closing() bool { return f.last }

// opClose is the opcode of a Close frame, fin the bit of a frame that is a whole
// message (RFC 6455 5.2).
const (
	opClose = 8
	fin     = 0x80
)

// GoingAway is the status code of a server that goes away (RFC 6455 7.4.1).
const GoingAway = 1001

// AppendClose appends a Close frame with the status code. masked is for frames
// that go to the server (RFC 6455 5.3).
func AppendClose(b []byte, code uint16, masked bool) []byte {
	if !masked {
		b = append(b, fin|opClose, 2)
		return binary.BigEndian.AppendUint16(b, code)
	}
	var mask [4]byte
	_, _ = rand.Read(mask[:]) // never fails
	b = append(b, fin|opClose, 0x80|2)
	b = append(b, mask[:]...)
	return append(b, byte(code>>8)^mask[0], byte(code)^mask[1])
}
