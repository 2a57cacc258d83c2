package table

import "strings"

// maxLabels and maxName bound the names below which wildcards are indexed:
// a lookup hashes at most maxLabels suffixes of at most maxName bytes.
const (
	maxLabels = 8
	maxName   = 255
)

// Forms says in which spellings a HostPattern takes its name. Ports are any
// run of decimal digits.
type Forms uint8

// The spellings of a host.
const (
	Bare    Forms = 1 << iota // name
	Dot                       // name.
	Port                      // name:80
	DotPort                   // name.:80
)

// HostPattern is a set of hosts that the routing table can look up: one name,
// or the names that end in one.
type HostPattern struct {
	// Name is the host, or for a wildcard the domain that the hosts end with,
	// without a dot in front.
	Name string
	// Forms are the spellings of the host that are accepted.
	Forms Forms

	below *labels // what may stand in front of Name; nil for an exact host
}

// Wildcard reports whether p accepts hosts below Name.
func (p *HostPattern) Wildcard() bool { return p.below != nil }

// Match reports whether p accepts host, byte for byte.
func (p *HostPattern) Match(host string) bool {
	if p.below == nil {
		rest, ok := strings.CutPrefix(host, p.Name)
		return ok && p.Forms&formOf(rest) != 0
	}
	base, form := splitHost(host)
	front, ok := strings.CutSuffix(base, p.Name)
	return ok && p.Forms&form != 0 && p.below.match(front)
}

// formOf classifies what follows a name; 0 when it is no known form.
func formOf(rest string) Forms {
	if rest == "" {
		return Bare
	}
	base, form := splitHost(rest)
	if base != "" {
		return 0
	}
	return form
}

// splitHost cuts the port and then one trailing dot from host and says which
// of them there were.
func splitHost(host string) (base string, form Forms) {
	base, form = cutPort(host), Bare
	if len(base) != len(host) {
		form = Port
	}
	if b, ok := strings.CutSuffix(base, "."); ok {
		base, form = b, form<<1 // Bare to Dot, Port to DotPort
	}
	return base, form
}

// cutPort returns host without a ":" and digits at its end.
func cutPort(host string) string {
	i := len(host)
	for i > 0 && '0' <= host[i-1] && host[i-1] <= '9' {
		i--
	}
	if i == len(host) || i == 0 || host[i-1] != ':' {
		return host
	}
	return host[:i-1]
}

// labels is a set of strings in front of a domain: labels that each end with a
// dot.
type labels struct {
	class   class
	atLeast int  // bytes in a label: 0 or 1
	none    bool // no label at all is accepted
	many    bool // more than one label is accepted
}

// match reports whether front is in the set.
func (l *labels) match(front string) bool {
	if front == "" {
		return l.none
	}
	if front[len(front)-1] != '.' {
		return false
	}
	front = front[:len(front)-1]
	if !l.many {
		return l.matchLabel(front)
	}
	for {
		label, rest, more := strings.Cut(front, ".")
		if !l.matchLabel(label) {
			return false
		}
		if !more {
			return true
		}
		front = rest
	}
}

func (l *labels) matchLabel(s string) bool {
	if len(s) < l.atLeast {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !l.class.has(s[i]) {
			return false
		}
	}
	return true
}

// class is a set of ASCII bytes, and all others or none of them.
type class struct {
	ascii [2]uint64
	other bool
}

func (c *class) has(b byte) bool {
	if b >= 0x80 {
		return c.other
	}
	return c.ascii[b>>6]&(1<<(b&63)) != 0
}

func (c *class) add(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		c.ascii[b>>6] |= 1 << (b & 63)
	}
}

func (c *class) invert() {
	c.ascii[0], c.ascii[1], c.other = ^c.ascii[0], ^c.ascii[1], !c.other
}
