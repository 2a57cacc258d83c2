package metrics

import "strings"

// otherLabel stands for everything above a bound.
const otherLabel = "_other_"

// maxLabel bounds the length of a label that clients or route files choose.
const maxLabel = 255

// hostLabel writes a host the way Skipper's host label does: "." becomes "_"
// and ":" becomes "__" (spec 1.11). Hosts compare without regard to case, so it
// is lower case; whatever no host contains becomes "_".
func hostLabel(host string) string {
	if len(host) > maxLabel {
		return otherLabel
	}
	var b strings.Builder
	b.Grow(len(host) + 1)
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c == ':':
			b.WriteString("__")
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c | 0x20)
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_[]%", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

// nameLabel makes any name fit for a label: valid UTF-8 of bounded length.
func nameLabel(name string) string {
	if len(name) > maxLabel {
		name = name[:maxLabel]
	}
	return strings.ToValidUTF8(name, "_")
}
