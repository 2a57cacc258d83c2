package compress

import (
	"strings"

	"fairlead.dev/fairlead/message"
)

// whole is the quality 1, in thousandths.
const whole = 1000

// negotiate returns the index of the coding that the client likes best, in our
// own order where it likes several the same; -1 means none (RFC 9110 12.5.3).
// As with the peer, "*" and a request without Accept-Encoding ask for nothing.
func negotiate(h *message.Header, codings []coding) int {
	best, bestQ, identity := -1, 0, 0
	for field := range h.Values("Accept-Encoding") {
		for element := range strings.SplitSeq(field, ",") {
			name, params, _ := strings.Cut(element, ";")
			name = strings.Trim(name, " \t")
			q, ok := quality(params)
			if !ok {
				continue
			}
			if message.EqualName(name, "identity") {
				identity = q
				continue
			}
			i := indexOf(codings, name)
			if i >= 0 && (q > bestQ || q == bestQ && q > 0 && i < best) {
				best, bestQ = i, q
			}
		}
	}
	if identity > bestQ {
		return -1
	}
	return best
}

func indexOf(codings []coding, name string) int {
	if message.EqualName(name, "x-gzip") { // RFC 9110 8.4.1.3
		name = "gzip"
	}
	for i := range codings {
		if message.EqualName(codings[i].name, name) {
			return i
		}
	}
	return -1
}

// quality reads the weight in thousandths (RFC 9110 12.4.2).
func quality(params string) (q int, ok bool) {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if message.EqualName(strings.Trim(name, " \t"), "q") {
			return thousandths(strings.Trim(value, " \t"))
		}
	}
	return whole, true
}

func thousandths(s string) (q int, ok bool) {
	first, digits, _ := strings.Cut(s, ".")
	if (first != "0" && first != "1") || len(digits) > 3 {
		return 0, false
	}
	unit := whole
	q = int(first[0]-'0') * unit
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		unit /= 10
		q += int(digits[i]-'0') * unit
	}
	return q, q <= whole
}
