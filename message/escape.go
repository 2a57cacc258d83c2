package message

// EscapeQuery returns raw with every byte percent-encoded that may not stand in
// the query of a request target (RFC 3986 3.4): what is encoded already, and
// the separators, stay. It makes text that came from elsewhere safe to send. It
// allocates only when there is something to encode.
func EscapeQuery(raw string) string { return escapeTarget(raw, "?%") }

// EscapeRawPath is EscapeQuery for a path that is percent-encoded already: what
// clients send is not always what RFC 3986 3.3 allows.
func EscapeRawPath(raw string) string { return escapeTarget(raw, "%") }

// escapeTarget encodes all but path characters and those of also.
func escapeTarget(raw, also string) string {
	n := 0
	for i := 0; i < len(raw); i++ {
		if !targetChar(raw[i], also) {
			n++
		}
	}
	if n == 0 {
		return raw
	}
	b := make([]byte, 0, len(raw)+2*n)
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if targetChar(c, also) {
			b = append(b, c)
			continue
		}
		b = append(b, '%', upperHex[c>>4], upperHex[c&15])
	}
	return string(b)
}

func targetChar(c byte, also string) bool {
	if pathChar(c) {
		return true
	}
	for i := 0; i < len(also); i++ {
		if c == also[i] {
			return true
		}
	}
	return false
}
