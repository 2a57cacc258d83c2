package filter

import (
	"fmt"
	"net/netip"
	"strings"

	"fairlead.dev/fairlead/message"
)

// CheckFieldName returns an error unless name is a header field name (a token,
// RFC 9110 5.1).
func CheckFieldName(name string) error {
	if name == "" {
		return fmt.Errorf("the header name is empty")
	}
	for i := range len(name) {
		if !tokenByte(name[i]) {
			return fmt.Errorf("header name %q: %q may not stand in a header name", name, name[i])
		}
	}
	return nil
}

// CheckSettable returns an error unless filters may set the header field called
// name. Fields that frame a message or belong to one connection may not be set:
// Fairlead writes them itself from what it knows (RFC 9112 6, RFC 9110 7.6.1),
// and a wrong one lets a client smuggle a request past every filter.
func CheckSettable(name string) error {
	if err := CheckFieldName(name); err != nil {
		return err
	}
	switch message.KindOf(name) {
	case message.KindOther, message.KindHost:
		return nil
	case message.KindContentLength, message.KindTransferEncoding:
		return fmt.Errorf("header %q says where a message ends: fairlead writes it from the body itself, filters cannot set it", name)
	}
	return fmt.Errorf("header %q belongs to one connection and is not passed on: filters cannot set it", name)
}

// Droppable reports whether filters may remove the header field called name.
// Removing the fields that Fairlead writes itself would change nothing.
func Droppable(name string) bool {
	switch message.KindOf(name) {
	case message.KindHost, message.KindContentLength, message.KindTransferEncoding, message.KindConnection:
		return false
	}
	return true
}

// CheckFieldValue returns an error unless value may stand in a header field
// (RFC 9110 5.5).
func CheckFieldValue(value string) error {
	if i := badValueByte(value); i >= 0 {
		return fmt.Errorf("header value %q: the control character %q may not stand in a header value", value, value[i])
	}
	return nil
}

// ValidFieldValue reports whether value may stand in a header field: it has no
// line end, NUL or other control character but tabs. Filters check what they
// took from a request with it, so that no client can add fields of its own.
func ValidFieldValue(value string) bool { return badValueByte(value) < 0 }

func badValueByte(s string) int {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t') || c == 0x7f {
			return i
		}
	}
	return -1
}

// ValidHost reports whether h can be sent as a Host: a name or address with an
// optional port (RFC 9110 7.2), not empty.
func ValidHost(h string) bool { return h != "" && message.ValidHost(h) }

func tokenByte(c byte) bool {
	return letterOrDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func letterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// addrText is "" for the zero Addr.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// HasListed reports whether the comma-separated lists in the fields of h called
// name hold the element item, without regard to case (RFC 9110 5.6.1).
func HasListed(h *message.Header, name, item string) bool {
	for list := range h.Values(name) {
		for e := range strings.SplitSeq(list, ",") {
			if message.EqualName(strings.Trim(e, " \t"), item) {
				return true
			}
		}
	}
	return false
}

// AddVary says in h that the response depends on the request header called
// name (RFC 9110 12.5.5), unless h says so already.
func AddVary(h *message.Header, name string) {
	if !HasListed(h, "Vary", name) && !HasListed(h, "Vary", "*") {
		h.Add("Vary", name)
	}
}
