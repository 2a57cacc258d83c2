package cidr

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
)

// Set is an immutable set of addresses. The zero Set is empty.
type Set struct {
	v4 []range4
	v6 []range6
}

type range4 struct{ from, to uint32 }

// number6 is an IPv6 address.
type number6 struct{ hi, lo uint64 }

type range6 struct{ from, to number6 }

// Parse reads a list of addresses and networks ("10.0.0.1", "10.0.0.0/8",
// "fd00::/8"). Host bits of a network do not matter. The error quotes the text
// that is neither.
func Parse(texts []string) (*Set, error) {
	prefixes := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		p, err := ParsePrefix(s)
		if err != nil {
			return nil, err
		}
		prefixes[i] = p
	}
	return New(prefixes), nil
}

// ParsePrefix reads one address or network; an address is a network of one.
// IPv4 mapped into IPv6 becomes IPv4.
func ParsePrefix(s string) (netip.Prefix, error) {
	var p netip.Prefix
	var err error
	if strings.IndexByte(s, '/') >= 0 {
		p, err = netip.ParsePrefix(s)
	} else {
		var a netip.Addr
		if a, err = netip.ParseAddr(s); err == nil {
			a = a.WithZone("")
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("found %q, expected an IP address or a network such as 10.0.0.0/8", s)
	}
	return plain(p), nil
}

// plain takes IPv4 out of IPv6 and clears the host bits.
func plain(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// New returns the set of all addresses in prefixes. Invalid ones are left out.
// A network of IPv6 holds no IPv4 addresses, not even ::/0.
func New(prefixes []netip.Prefix) *Set {
	s := &Set{}
	for _, p := range prefixes {
		if !p.IsValid() {
			continue
		}
		if p = plain(p); p.Addr().Is4() {
			from := number4(p.Addr())
			s.v4 = append(s.v4, range4{from, from | uint32(1<<(32-p.Bits())-1)})
			continue
		}
		from, host := number(p.Addr()), 128-p.Bits()
		to := number6{from.hi | (1<<max(host-64, 0) - 1), from.lo | (1<<min(host, 64) - 1)}
		s.v6 = append(s.v6, range6{from, to})
	}
	s.merge4()
	s.merge6()
	return s
}

func (s *Set) merge4() {
	slices.SortFunc(s.v4, func(a, b range4) int { return cmp.Compare(a.from, b.from) })
	kept := s.v4[:0]
	for _, r := range s.v4 {
		if n := len(kept); n > 0 && (r.from <= kept[n-1].to || r.from-1 == kept[n-1].to) {
			kept[n-1].to = max(kept[n-1].to, r.to)
			continue
		}
		kept = append(kept, r)
	}
	s.v4 = slices.Clip(kept)
}

func (s *Set) merge6() {
	slices.SortFunc(s.v6, func(a, b range6) int { return compare(a.from, b.from) })
	kept := s.v6[:0]
	for _, r := range s.v6 {
		if n := len(kept); n > 0 && (compare(r.from, kept[n-1].to) <= 0 || r.from == next(kept[n-1].to)) {
			if compare(r.to, kept[n-1].to) > 0 {
				kept[n-1].to = r.to
			}
			continue
		}
		kept = append(kept, r)
	}
	s.v6 = slices.Clip(kept)
}

// Contains reports whether a is in the set. An IPv4 address mapped into IPv6 is
// the IPv4 address; a zone does not matter; the zero Addr is in no set.
func (s *Set) Contains(a netip.Addr) bool {
	if a.Is4() || a.Is4In6() {
		n := number4(a.Unmap())
		i := sort.Search(len(s.v4), func(i int) bool { return s.v4[i].to >= n })
		return i < len(s.v4) && s.v4[i].from <= n
	}
	if !a.IsValid() {
		return false
	}
	n := number(a)
	i := sort.Search(len(s.v6), func(i int) bool { return compare(s.v6[i].to, n) >= 0 })
	return i < len(s.v6) && compare(s.v6[i].from, n) <= 0
}

func number4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func number(a netip.Addr) number6 {
	b := a.As16()
	return number6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func compare(a, b number6) int {
	if c := cmp.Compare(a.hi, b.hi); c != 0 {
		return c
	}
	return cmp.Compare(a.lo, b.lo)
}

// next returns the number after n; it is zero after the last one, which starts
// no range that comes later in order.
func next(n number6) number6 {
	n.lo++
	if n.lo == 0 {
		n.hi++
	}
	return n
}
