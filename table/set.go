package table

import (
	"cmp"
	"hash/maphash"
	"strings"

	"fairlead.dev/fairlead/kit/btree"
)

// set holds the routes of one tree position in one ordered index. A route
// stands in it once for each of its hosts; its key is 0 when every host may
// reach it, else made of the host or domain. Routes under one key follow each
// other in the order in which they are tried, so that any of these runs is
// found by one search.
type set struct {
	slots btree.Tree[slot]
	// labels has bit n-1 set when wildcards with n labels were put in. Bits are
	// cleared only when the set becomes empty: a stale bit costs a search that
	// finds nothing.
	labels uint8
	// hosts is set when routes with a host were put in; as with labels, stale
	// is harmless.
	hosts bool
}

// slot is a route under one of its hosts.
type slot struct {
	*entry
	host uint32 // which of entry.hosts
}

// Compare orders slots of one key in the order in which they are tried.
func (a slot) Compare(b slot) int {
	if a.entry == b.entry {
		return cmp.Compare(a.host, b.host)
	}
	return cmp.Or(a.entry.compare(b.entry), cmp.Compare(a.host, b.host))
}

// hash turns hosts and path segments into keys. It is seeded: who chooses
// names cannot choose collisions.
type hash struct{ seed maphash.Seed }

// The top bits of a key tell the kinds apart: 0 for routes that any host
// reaches.
const (
	exactKey    = 1 << 63
	wildcardKey = 1 << 62
)

func (h hash) segment(s string) uint64 { return maphash.String(h.seed, s) }
func (h hash) host(s string) uint64    { return maphash.String(h.seed, s) | exactKey }
func (h hash) domain(s string) uint64  { return maphash.String(h.seed, s)>>2 | wildcardKey }

func (h hash) pattern(p *HostPattern) uint64 {
	if p.Wildcard() {
		return h.domain(p.Name)
	}
	return h.host(p.Name)
}

// put adds e.
func (s *set) put(edit btree.Edit, h hash, e *entry) {
	if e.hosts == nil {
		s.slots = s.slots.With(edit, btree.Item[slot]{Value: slot{entry: e}})
		return
	}
	s.hosts = true
	for i := range e.hosts {
		p := &e.hosts[i]
		if p.Wildcard() {
			s.labels |= 1 << strings.Count(p.Name, ".")
		}
		s.slots = s.slots.With(edit, btree.Item[slot]{Key: h.pattern(p), Value: slot{e, uint32(i)}})
	}
}

// remove takes e out.
func (s *set) remove(edit btree.Edit, h hash, e *entry) {
	if e.hosts == nil {
		s.slots = s.slots.Without(edit, btree.Item[slot]{Value: slot{entry: e}})
	}
	for i := range e.hosts {
		s.slots = s.slots.Without(edit, btree.Item[slot]{Key: h.pattern(&e.hosts[i]), Value: slot{e, uint32(i)}})
	}
	if s.slots.Empty() {
		*s = set{}
	}
}
