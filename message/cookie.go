package message

import "strings"

// Cookie returns the value of the first cookie called name in the Cookie
// fields of h; ok is false when there is none. Names compare byte for byte.
// Quotes around the value are taken off; nothing else is decoded (RFC 6265
// 4.1.1 and 5.4). It does not allocate.
func Cookie(h *Header, name string) (value string, ok bool) {
	for v := range Cookies(h, name) {
		return v, true
	}
	return "", false
}

// Cookies calls yield with the value of each cookie called name, in order,
// until yield returns false. It is a range function.
func Cookies(h *Header, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for n, v := range AllCookies(h) {
			if n == name && !yield(v) {
				return
			}
		}
	}
}

// AllCookies calls yield with each cookie in order, until yield returns false.
// It is a range function.
func AllCookies(h *Header) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for i := range h.fields {
			if EqualName(h.fields[i].Name, "Cookie") && !eachCookie(h.fields[i].Value, yield) {
				return
			}
		}
	}
}

// eachCookie reports whether yield wants more.
func eachCookie(field string, yield func(name, value string) bool) bool {
	for field != "" {
		var pair string
		pair, field, _ = strings.Cut(field, ";")
		name, value, _ := strings.Cut(trimBlank(pair), "=")
		name = trimBlank(name)
		if name != "" && !yield(name, unquoteCookie(trimBlank(value))) {
			return false
		}
	}
	return true
}

func unquoteCookie(v string) string {
	if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// trimBlank cuts spaces and tabs off both ends (OWS, RFC 9110 5.6.3).
func trimBlank(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
