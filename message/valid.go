package message

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"
)

// ProtocolError says that a message is not what its protocol allows. The
// connection it came by, under HTTP/2 and HTTP/3 perhaps only the stream, cannot
// be used any further.
type ProtocolError struct {
	Reason Reason
	// Detail says what was found.
	Detail string
}

// Error returns reason and detail.
func (e *ProtocolError) Error() string { return e.Reason.Code() + ": " + e.Detail }

// Malformed returns a *ProtocolError.
func Malformed(reason Reason, detail string, args ...any) error {
	return &ProtocolError{Reason: reason, Detail: fmt.Sprintf(detail, args...)}
}

// Show shortens a piece of input for an error. The result is a copy.
func Show(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return strings.Clone(s)
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// Plain reports whether s has no control character: every byte is 0x20 to 0x7e,
// 0x80 to 0xff, or a tab where tabs are allowed (RFC 9110 5.5).
func Plain(s string, tabs bool) bool {
	p := unsafe.Slice(unsafe.StringData(s), len(s))
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

// ASCII reports whether s has no byte above 0x7f.
func ASCII(s string) bool {
	p := unsafe.Slice(unsafe.StringData(s), len(s))
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

// Lookalike reports whether some servers take the field name for one that
// frames the message, because they turn "_" into "-".
func Lookalike(name string) bool {
	if (len(name) != 14 && len(name) != 17) || strings.IndexByte(name, '_') < 0 {
		return false
	}
	switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
	case "content-length", "transfer-encoding":
		return true
	}
	return false
}

// ParseLength reads the value of a Content-Length field: 1*DIGIT that fits an
// int64, no more than 18 (RFC 9110 8.6).
func ParseLength(v string) (int64, bool) {
	if v == "" || len(v) > 18 {
		return 0, false
	}
	var n int64
	for i := 0; i < len(v); i++ {
		c := v[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// Tokens yields the elements of a comma-separated list (RFC 9110 5.6.1). It is a
// range function.
func Tokens(v string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for v != "" {
			var t string
			t, v, _ = strings.Cut(v, ",")
			if t = strings.Trim(t, " \t"); t != "" && !yield(t) {
				return
			}
		}
	}
}

// HasToken reports whether a comma-separated list has an element, without regard
// to case.
func HasToken(v, want string) bool {
	for t := range Tokens(v) {
		if EqualName(t, want) {
			return true
		}
	}
	return false
}

// TrailerAllowed reports whether a field may stand in a trailer section: none
// that frames, routes or authenticates (RFC 9110 6.5.1).
func TrailerAllowed(f Field) bool {
	if f.Kind != KindOther {
		return false
	}
	for _, name := range [...]string{
		"Authorization", "Cookie", "Set-Cookie", "Content-Encoding", "Content-Type", "Content-Range",
		"Cache-Control", "Max-Forwards", "Range", "Proxy-Authorization", "Proxy-Authenticate",
		"WWW-Authenticate",
	} {
		if EqualName(f.Name, name) {
			return false
		}
	}
	claim, _ := Claim(f.Name)
	return !claim
}
