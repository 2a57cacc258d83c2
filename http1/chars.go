package http1

import (
	"unsafe"

	"fairlead.dev/fairlead/message"
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

// view returns p as a string without a copy: it ends with the buffer.
func view(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// bytesOf is the opposite of view: the result must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// trim cuts spaces and tabs from the end.
func trim(p []byte) []byte {
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}

// show quotes a short piece of input for an error.
func show(p []byte) string { return message.Show(view(p)) }

// plain is message.Plain of bytes.
func plain(p []byte, tabs bool) bool { return message.Plain(view(p), tabs) }
