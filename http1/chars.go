package http1

import (
	"encoding/binary"
	"unsafe"
)

// token holds the bytes of RFC 9110 5.6.2.
var token = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-32] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// plain reports whether p has no control character: every byte is 0x20 to 0x7e,
// 0x80 to 0xff, or a tab where tabs are allowed.
func plain(p []byte, tabs bool) bool {
	for len(p) >= 8 {
		w := binary.LittleEndian.Uint64(p)
		del := w ^ (0x7f * ones)
		if ((w-0x20*ones)&^w|(del-ones)&^del)&high != 0 && !plainSlow(p[:8], tabs) {
			return false
		}
		p = p[8:]
	}
	return plainSlow(p, tabs)
}

func plainSlow(p []byte, tabs bool) bool {
	for _, c := range p {
		if (c < 0x20 && (c != '\t' || !tabs)) || c == 0x7f {
			return false
		}
	}
	return true
}

// view returns p as a string without a copy: it ends with the buffer.
func view(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// bytesOf is the opposite of view: the result must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// ascii reports whether p has no byte above 0x7f.
func ascii(p []byte) bool {
	for len(p) >= 8 {
		if binary.LittleEndian.Uint64(p)&high != 0 {
			return false
		}
		p = p[8:]
	}
	for _, c := range p {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// trim cuts spaces and tabs from the end.
func trim(p []byte) []byte {
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}

// show quotes a short piece of input for an error.
func show(p []byte) string {
	const most = 40
	if len(p) > most {
		return string(p[:most]) + "..."
	}
	return string(p)
}
