package drive

import (
	"bytes"
	"fmt"
)

// errAnswer is a reason why an answer is wrong; reasons are counted.
type errAnswer string

func (e errAnswer) Error() string { return string(e) }

// readHead reads the head of an answer at the start of b. It returns the
// length of the head, or 0 when its end is not there yet, and the
// Content-Length.
func readHead(b []byte) (head, length int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, 0, nil
	}
	if len(b) < 13 || string(b[:9]) != "HTTP/1.1 " {
		return 0, 0, errAnswer("not an HTTP/1.1 answer")
	}
	if string(b[9:12]) != "200" {
		return 0, 0, errAnswer(fmt.Sprintf("status %q", b[9:12]))
	}
	length, ok := contentLength(b[:end+2])
	if !ok {
		return 0, 0, errAnswer("no valid Content-Length")
	}
	return end + 4, length, nil
}

// contentLength finds the field in a head whose lines all end.
func contentLength(head []byte) (int, bool) {
	const name = "content-length:"
	for {
		i := bytes.IndexByte(head, '\n')
		if i < 0 {
			return 0, false
		}
		head = head[i+1:]
		if len(head) > len(name) && head[0]|0x20 == 'c' && bytes.EqualFold(head[:len(name)], []byte(name)) {
			return number(head[len(name):])
		}
	}
}

// number reads the digits of a line.
func number(line []byte) (int, bool) {
	n, digits := 0, 0
	for _, c := range line {
		switch {
		case c >= '0' && c <= '9' && n < 1<<50:
			n = n*10 + int(c-'0')
			digits++
		case c == ' ' && digits == 0:
		default:
			return n, c == '\r' && digits > 0
		}
	}
	return 0, false
}
