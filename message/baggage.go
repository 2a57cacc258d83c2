package message

import "strings"

// Baggage returns the decoded value of the member called key in the baggage
// fields of h (W3C Baggage 3.2); ok is false when there is none. Of several the
// last counts, as OpenTelemetry has it. Members that are not well formed do not
// count. It allocates only when the value must be decoded.
func Baggage(h *Header, key string) (value string, ok bool) {
	for field := range h.Values("Baggage") {
		for field != "" {
			var member string
			member, field, _ = strings.Cut(field, ",")
			member, _, _ = strings.Cut(member, ";") // properties
			k, v, eq := strings.Cut(member, "=")
			if eq && trimBlank(k) == key {
				if d, fine := UnescapePath(trimBlank(v)); fine {
					value, ok = d, true
				}
			}
		}
	}
	return value, ok
}
