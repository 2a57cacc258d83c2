package eskip

import (
	"net/url"
	"strings"
)

// endpoint splits the text form of an endpoint: the zone is the query parameter
// of that name, the rest is the address as written (spec 1.4).
func endpoint(text string) Endpoint {
	base, query, ok := strings.Cut(text, "?")
	if !ok || !strings.Contains(query, "zone=") {
		return Endpoint{Address: text}
	}
	zone, found := "", false
	rest := make([]byte, 0, len(query))
	for param := range strings.SplitSeq(query, "&") {
		value, isZone := strings.CutPrefix(param, "zone=")
		if isZone && !found {
			if z, err := url.QueryUnescape(value); err == nil {
				zone, found = z, true
				continue
			}
		}
		if isZone && found {
			continue
		}
		rest = append(append(rest, '&'), param...)
	}
	if len(rest) <= 1 {
		return Endpoint{Address: base, Zone: zone}
	}
	return Endpoint{Address: base + "?" + string(rest[1:]), Zone: zone}
}

// String writes the endpoint as it stands in a document, without quotes.
func (e Endpoint) String() string {
	if e.Zone == "" {
		return e.Address
	}
	separator := "?"
	if strings.Contains(e.Address, "?") {
		separator = "&"
	}
	return e.Address + separator + "zone=" + url.QueryEscape(e.Zone)
}

// badZone reports whether the address still has a zone: one whose escapes are
// broken.
func (e Endpoint) badZone() bool {
	_, query, _ := strings.Cut(e.Address, "?")
	return strings.HasPrefix(query, "zone=") || strings.Contains(query, "&zone=")
}

// addressFault says what is wrong with the address of a backend, and what to
// do. It looks only at the form: whether the scheme is known and the port is
// good is found out when the route is compiled. Path and query are ignored
// there and so not looked at here (spec 1.4).
func addressFault(address string) (expected, hint string) {
	const form = "an address of the form scheme://host:port"
	address = masked(address)
	if address == "" {
		return form, "a route that needs no backend ends with <shunt>"
	}
	if i := strings.IndexFunc(address, isControl); i >= 0 {
		return form, "it has a control character"
	}
	if strings.TrimSpace(address) != address {
		return form, "leave the spaces away"
	}
	name, rest, ok := strings.Cut(address, "://")
	switch {
	case !ok && strings.HasPrefix(address, "<"):
		return form, "leave the quotes away"
	case !ok && strings.HasPrefix(address, "/"):
		return form, "a backend is another server: setPath(...) changes the path"
	case !ok && (strings.Contains(address, "/:") || strings.HasPrefix(address, "http:") || strings.HasPrefix(address, "https:")):
		return form, `a scheme is followed by "://"`
	case !ok:
		return form, "did you mean " + excerpt("http://"+address) + "?"
	case name == "":
		return form, "did you mean " + excerpt("http"+address) + "?"
	case !isScheme(name):
		return form, "a scheme has only letters, digits and + - ."
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if rest = rest[strings.LastIndexByte(rest, '@')+1:]; rest == "" || rest[0] == ':' {
		return form, "the host is missing"
	}
	if strings.ContainsRune(rest, ' ') {
		return form, "a host has no spaces"
	}
	return "", ""
}

// masked is the address without its user information, which may be a secret.
func masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	from := 0
	if i := strings.Index(address, "://"); i >= 0 && i < at {
		from = i + len("://")
	}
	return address[:from] + "***" + address[at:]
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// isScheme reports whether s has the form of RFC 3986, section 3.1.
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' {
			continue
		}
		if i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}
