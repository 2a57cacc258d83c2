package message

import (
	"net/netip"
	"strings"
)

// maxAddr bounds the length of an address in text form: an IPv6 address that
// ends in an IPv4 address.
const maxAddr = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

// ClientIP returns the address of the client's connection: no zone, IPv4 never
// mapped into IPv6. It is the zero Addr when the address is not known.
func (r *Request) ClientIP() netip.Addr { return plainAddr(r.Remote.Addr()) }

// Source returns the first address in X-Forwarded-For, or ClientIP when there
// is no such field. It is the zero Addr when the first entry is no address: it
// then is not known who sent the request. Anybody can write that field.
func (r *Request) Source() netip.Addr {
	for v := range r.Header.Values("X-Forwarded-For") {
		if v = trimBlank(v); v == "" {
			continue
		}
		first, _, _ := strings.Cut(v, ",")
		return ParseAddr(first)
	}
	return r.ClientIP()
}

// SourceFromLast is like Source but takes the last entry of the last field:
// what the nearest proxy wrote.
func (r *Request) SourceFromLast() netip.Addr {
	last := ""
	for v := range r.Header.Values("X-Forwarded-For") {
		if v = trimBlank(v); v != "" {
			last = v
		}
	}
	if last == "" {
		return r.ClientIP()
	}
	return ParseAddr(last[strings.LastIndexByte(last, ',')+1:])
}

// ParseAddr reads an address as proxies write it into X-Forwarded-For: blanks
// around it, brackets, a port and a zone are tolerated and dropped. Anything
// else gives the zero Addr.
func ParseAddr(s string) netip.Addr {
	s = trimBlank(s)
	if inside, ok := strings.CutPrefix(s, "["); ok {
		end := strings.IndexByte(inside, ']')
		if end < 0 || !portOrNothing(inside[end+1:]) {
			return netip.Addr{}
		}
		s = inside[:end]
		if strings.IndexByte(s, ':') < 0 {
			return netip.Addr{}
		}
	} else if i := strings.IndexByte(s, ':'); i > 0 && strings.IndexByte(s, '.') >= 0 && strings.LastIndexByte(s, ':') == i && portOrNothing(s[i:]) {
		s = s[:i]
	}
	if i := strings.IndexByte(s, '%'); i >= 0 {
		s = s[:i]
		if strings.IndexByte(s, ':') < 0 {
			return netip.Addr{}
		}
	}
	if !looksLikeAddr(s) {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return plainAddr(a)
}

// looksLikeAddr sorts out what is no address without the cost of an error.
func looksLikeAddr(s string) bool {
	if len(s) < 2 || len(s) > maxAddr {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '.' && c != ':' && unhex(c) > 15 {
			return false
		}
	}
	return true
}

// portOrNothing reports whether s is "" or ":" and digits.
func portOrNothing(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) < 2 || len(s) > len(":65535") {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
