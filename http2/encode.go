package http2

import (
	"strconv"

	"fairlead.dev/fairlead/message"
)

// Heads are encoded without a dynamic table and without Huffman codes: what a
// stream sends does not depend on the other streams, nothing has to be
// remembered, and no secret can be guessed from the size of a table (RFC 7541
// 7.1). The first block of a connection says so.

// tableSizeZero is a dynamic table size update to 0 (RFC 7541 6.3).
const tableSizeZero = 0x20

// The representations of RFC 7541 6.
const (
	reprIndexed = 0x80
	reprLiteral = 0x00
	reprNever   = 0x10
)

// Indices of the static table (RFC 7541 A) that stand for a name and a value.
const (
	staticAuthority  = 1
	staticGET        = 2
	staticPOST       = 3
	staticRoot       = 4
	staticHTTP       = 6
	staticHTTPS      = 7
	staticStatus     = 8
	staticPath       = 4
	staticMethod     = 2
	staticScheme     = 6
	staticContentLen = 28
)

// appendStatus appends the pseudo-header field :status.
func appendStatus(b []byte, status int) []byte {
	switch status {
	case 200:
		return append(b, reprIndexed|8)
	case 204:
		return append(b, reprIndexed|9)
	case 206:
		return append(b, reprIndexed|10)
	case 304:
		return append(b, reprIndexed|11)
	case 400:
		return append(b, reprIndexed|12)
	case 404:
		return append(b, reprIndexed|13)
	case 500:
		return append(b, reprIndexed|14)
	}
	b = append(b, reprLiteral|staticStatus, 3)
	return append(b, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10))
}

// appendPseudo appends a pseudo-header field of a request whose name has the
// given index in the static table.
func appendPseudo(b []byte, index uint8, value string) []byte {
	switch {
	case index == staticMethod && value == "GET":
		return append(b, reprIndexed|staticGET)
	case index == staticMethod && value == "POST":
		return append(b, reprIndexed|staticPOST)
	case index == staticScheme && value == "http":
		return append(b, reprIndexed|staticHTTP)
	case index == staticScheme && value == "https":
		return append(b, reprIndexed|staticHTTPS)
	case index == staticPath && value == "/":
		return append(b, reprIndexed|staticRoot)
	}
	return appendString(append(b, reprLiteral|index), value)
}

// appendLength appends a Content-Length field.
func appendLength(b []byte, n int64) []byte {
	var digits [20]byte
	d := strconv.AppendInt(digits[:0], n, 10)
	b = append(b, reprLiteral|0x0f, staticContentLen-0x0f, byte(len(d)))
	return append(b, d...)
}

// appendField appends a field with its name in lower case (RFC 9113 8.2).
// Secrets are marked as never to be put into a table (RFC 7541 7.1.3).
func appendField(b []byte, name, value string) []byte {
	repr := byte(reprLiteral)
	var short [longestStatic]byte
	if len(name) <= len(short) {
		lower := lowerInto(short[:0], name)
		if sensitive(lower, value) {
			repr = reprNever
		}
		if i := staticName(lower); i > 0 {
			if i < 0x0f {
				b = append(b, repr|i)
			} else {
				b = append(b, repr|0x0f, i-0x0f)
			}
			return appendString(b, value)
		}
	}
	b = appendInt(append(b, repr), len(name))
	return appendString(lowerInto(b, name), value)
}

func appendString(b []byte, s string) []byte {
	return append(appendInt(b, len(s)), s...)
}

// appendInt appends the length of a string: an integer with a prefix of 7 bits
// and without the Huffman bit (RFC 7541 5.1 and 5.2).
func appendInt(b []byte, n int) []byte {
	if n < 0x7f {
		return append(b, byte(n))
	}
	b = append(b, 0x7f)
	for n -= 0x7f; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func lowerInto(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// sensitive reports whether a field holds a secret, or is so short that it
// could be guessed (RFC 7541 7.1.3).
func sensitive(name []byte, value string) bool {
	switch string(name) {
	case "authorization", "proxy-authorization", "set-cookie":
		return true
	case "cookie":
		const guessable = 20
		return len(value) < guessable
	}
	return false
}

// longestStatic is the length of the longest name in the static table.
const longestStatic = len("access-control-allow-origin")

// staticName returns the index of a name in the static table (RFC 7541 A), 0
// when it is not there.
func staticName(name []byte) byte {
	switch string(name) {
	case "accept-charset":
		return 15
	case "accept-encoding":
		return 16
	case "accept-language":
		return 17
	case "accept-ranges":
		return 18
	case "accept":
		return 19
	case "access-control-allow-origin":
		return 20
	case "age":
		return 21
	case "allow":
		return 22
	case "authorization":
		return 23
	case "cache-control":
		return 24
	case "content-disposition":
		return 25
	case "content-encoding":
		return 26
	case "content-language":
		return 27
	case "content-length":
		return 28
	case "content-location":
		return 29
	case "content-range":
		return 30
	case "content-type":
		return 31
	case "cookie":
		return 32
	case "date":
		return 33
	case "etag":
		return 34
	case "expect":
		return 35
	case "expires":
		return 36
	case "from":
		return 37
	case "host":
		return 38
	}
	return staticNameFurther(name)
}

func staticNameFurther(name []byte) byte {
	switch string(name) {
	case "if-match":
		return 39
	case "if-modified-since":
		return 40
	case "if-none-match":
		return 41
	case "if-range":
		return 42
	case "if-unmodified-since":
		return 43
	case "last-modified":
		return 44
	case "link":
		return 45
	case "location":
		return 46
	case "max-forwards":
		return 47
	case "proxy-authenticate":
		return 48
	case "proxy-authorization":
		return 49
	case "range":
		return 50
	case "referer":
		return 51
	case "refresh":
		return 52
	case "retry-after":
		return 53
	case "server":
		return 54
	case "set-cookie":
		return 55
	case "strict-transport-security":
		return 56
	case "transfer-encoding":
		return 57
	case "user-agent":
		return 58
	case "vary":
		return 59
	case "via":
		return 60
	case "www-authenticate":
		return 61
	}
	return 0
}

// beginBlock leaves room for the head of a HEADERS frame and returns where the
// frame begins.
func beginBlock(b *[]byte, first bool) (start int) {
	start = len(*b)
	var room [frameHeadLen]byte
	*b = append(*b, room[:]...)
	if first {
		*b = append(*b, tableSizeZero)
	}
	return start
}

// endBlock completes the frames of the block that begins at start.
func endBlock(b []byte, start int, stream uint32, end bool) []byte {
	flags := uint8(0)
	if end {
		flags = flagEndStream
	}
	length := len(b) - start - frameHeadLen
	if length <= maxFrame {
		setFrameHead(b[start:], length, frameHeaders, flags|flagEndHeaders, stream)
		return b
	}
	rest := append([]byte(nil), b[start+frameHeadLen+maxFrame:]...)
	setFrameHead(b[start:], maxFrame, frameHeaders, flags, stream)
	b = b[:start+frameHeadLen+maxFrame]
	for len(rest) > 0 {
		n := min(len(rest), maxFrame)
		flags = 0
		if n == len(rest) {
			flags = flagEndHeaders
		}
		b = append(appendFrameHead(b, n, frameContinuation, flags, stream), rest[:n]...)
		rest = rest[n:]
	}
	return b
}

// passes reports whether a field goes over an HTTP/2 connection: those that
// speak of the connection do not (RFC 9113 8.2.2). The length is written apart.
func passes(f *message.Field) bool {
	switch f.Kind {
	case message.KindOther, message.KindExpect:
		return true
	case message.KindHopByHop:
		return message.EqualName(f.Name, "Trailer")
	}
	return false
}
