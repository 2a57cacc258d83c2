package control

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
)

// book says for each route id who defines it and what serves it: the merge of
// all sources. It is told of changes and costs no more than they do.
type book struct {
	entries map[string]*entry
	// touched are the entries whose claims changed since the last settle, in
	// the order in which they did.
	touched []*entry
	// special are the entries that are more than one definition and its route.
	special map[string]*entry
}

// entry is one route id.
type entry struct {
	id string
	// claims are the definitions of the id, after settle the one in force
	// first. More than one is a mistake of the user.
	claims []claim
	// served is nil while the id never had a definition that compiles.
	served *route.Route
	// fresh is what is to serve as soon as the table has it.
	fresh *route.Route
	// invalid says why the definition in force does not serve.
	invalid *source.Problem
	touched bool
}

// claim is one definition of a route id.
type claim struct {
	from *origin
	def  *eskip.Route
	// at is its index in what from delivers, from 1; it is known while the
	// entry is special.
	at int32
	// held is set when from does not deliver the definition any more and may
	// not have meant to.
	held bool
}

func newBook() *book {
	return &book{entries: map[string]*entry{}, special: map[string]*entry{}}
}

// take replaces what o delivered before by set.
func (b *book) take(o *origin, set source.Set) {
	gone, came := changes(o.set.Routes, set.Routes)
	if o.set.Routes == nil {
		b.grow(len(came))
	}
	o.set = set
	for _, def := range came {
		b.claim(o, def)
	}
	gone = append(gone, b.heldBy(o)...)
	if len(gone) > 0 {
		b.withdraw(o, gone)
	}
	for _, e := range b.special {
		// Which one comes first may have changed, or where a mistake is.
		if len(e.claims) > 1 || e.invalid != nil {
			b.touch(e)
		}
	}
}

// retry touches what does not compile.
func (b *book) retry() {
	for _, e := range b.special {
		if e.invalid != nil {
			b.touch(e)
		}
	}
}

// changes compares two lists and returns what is only in old and what is only
// in now, in order. Equal means the same pointer: a source gives what did not
// change again as it is.
func changes(old, now []*eskip.Route) (gone, came []*eskip.Route) {
	for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
		old, now = old[1:], now[1:]
	}
	for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	if len(old) == 0 || len(now) == 0 {
		return slices.Clone(old), now
	}
	fresh := make(map[*eskip.Route]bool, len(now))
	for _, def := range now {
		fresh[def] = true
	}
	for _, def := range old {
		if _, stays := fresh[def]; stays {
			fresh[def] = false
		} else {
			gone = append(gone, def)
		}
	}
	for _, def := range now {
		if fresh[def] {
			came = append(came, def)
		}
	}
	return gone, came
}

// grow makes room for n more entries.
func (b *book) grow(n int) {
	bigger := make(map[string]*entry, len(b.entries)+n)
	maps.Copy(bigger, b.entries)
	b.entries = bigger
	b.touched = slices.Grow(b.touched, n)
}

func (b *book) claim(o *origin, def *eskip.Route) {
	e := b.entries[def.ID]
	if e == nil {
		e = &entry{id: def.ID}
		b.entries[def.ID] = e
	}
	b.touch(e)
	for i := range e.claims {
		if c := &e.claims[i]; c.from == o && c.def == def {
			c.held = false
			return
		}
	}
	e.claims = append(e.claims, claim{from: o, def: def})
}

func (b *book) touch(e *entry) {
	if !e.touched {
		e.touched = true
		b.touched = append(b.touched, e)
	}
}

func (b *book) heldBy(o *origin) []*eskip.Route {
	var defs []*eskip.Route
	for _, id := range slices.Sorted(maps.Keys(b.special)) {
		for _, c := range b.special[id].claims {
			if c.from == o && c.held {
				defs = append(defs, c.def)
			}
		}
	}
	return defs
}

// withdraw ends the claims of o to definitions that it does not deliver any
// more, except for those that it may only have failed to deliver.
func (b *book) withdraw(o *origin, gone []*eskip.Route) {
	doubtful := make(map[string]bool, len(o.set.Problems)+len(o.set.Unread))
	for _, p := range o.set.Problems {
		doubtful[p.RouteID] = true
	}
	for _, id := range o.set.Unread {
		doubtful[id] = true
	}
	for _, def := range gone {
		e := b.entries[def.ID]
		i := slices.IndexFunc(e.claims, func(c claim) bool { return c.from == o && c.def == def })
		if i < 0 { // the source gave a pointer twice
			continue
		}
		b.touch(e)
		redefined := slices.ContainsFunc(e.claims, func(c claim) bool { return c.from == o && c.def != def })
		if doubtful[def.ID] && !redefined && e.served != nil {
			e.claims[i].held = true
			continue
		}
		e.claims = slices.Delete(e.claims, i, i+1)
	}
}

// settle decides for each touched entry which of its claims is in force: that
// of the earlier source, and in one source that which stands first. It returns
// the touched entries and forgets that they were.
func (b *book) settle() []*entry {
	touched := b.touched
	b.touched = nil
	odd := map[string]*entry{}
	for _, e := range touched {
		e.touched = false
		if len(e.claims) > 1 || e.invalid != nil {
			odd[e.id] = e
		}
	}
	locate(odd)
	for _, e := range odd {
		slices.SortStableFunc(e.claims, func(a, b claim) int {
			return cmp.Or(cmp.Compare(a.from.index, b.from.index), cmp.Compare(a.at, b.at))
		})
	}
	return touched
}

// locate finds where the claims of entries stand in their sources. What a
// source does not deliver any more has no place: it comes first, as it was
// there before.
func locate(entries map[string]*entry) {
	from := map[*origin]bool{}
	for _, e := range entries {
		for i := range e.claims {
			e.claims[i].at = 0
			from[e.claims[i].from] = true
		}
	}
	for o := range from {
		for at, def := range o.set.Routes {
			e := entries[def.ID]
			if e == nil {
				continue
			}
			for i := range e.claims {
				if c := &e.claims[i]; c.from == o && c.def == def {
					c.at = int32(at) + 1
				}
			}
		}
	}
}

// file puts the entry where it belongs after it was settled and compiled: an
// id that nobody defines is forgotten.
func (b *book) file(e *entry) {
	switch {
	case len(e.claims) == 0:
		delete(b.entries, e.id)
		delete(b.special, e.id)
	case len(e.claims) > 1 || e.claims[0].held || e.invalid != nil:
		b.special[e.id] = e
	default:
		delete(b.special, e.id)
	}
}

// place says where a definition comes from, with the line if it is known.
func (c claim) place() string {
	name := c.from.source.Name()
	if line := c.line(); line > 0 {
		return fmt.Sprintf("%s line %d", name, line)
	}
	return name
}

// line returns where the definition of a settled claim starts now, 0 when that
// is not known.
func (c claim) line() int32 {
	if c.at > 0 && int(c.at) <= len(c.from.set.Lines) {
		return c.from.set.Lines[c.at-1]
	}
	return c.def.Pos.Line
}
