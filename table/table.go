package table

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"iter"
	"strings"

	"fairlead.dev/fairlead/kit/btree"
	"fairlead.dev/fairlead/predicate"
)

// Route is one entry of the table. The table keeps it: neither it nor its
// Predicates may change afterwards.
type Route struct {
	// ID is the name, unique in a table. Of two routes that weigh the same at
	// the same tree position, the one with the lesser ID (bytewise) wins.
	ID string
	// Predicates must all match. The table recognises predicate.Tree, whose
	// Match it never calls, and predicate.Host itself; the others are asked in
	// this order.
	Predicates []predicate.Predicate
	// Value is whatever the caller wants to find.
	Value any
}

// Options are the choices that hold for a whole table.
type Options struct {
	// IgnoreTrailingSlash makes "/a" and "/a/" the same path.
	IgnoreTrailingSlash bool
}

// Table is an immutable set of routes. Any number of goroutines may use it.
type Table struct {
	options  Options
	hash     hash
	edit     btree.Edit
	len      int
	byID     btree.Tree[named]
	tree     *node // nil when no route has a path
	pathless set
}

// Problem says why a route is not in the table.
type Problem struct {
	ID  string
	Err error
}

// New returns an empty table.
func New(o Options) *Table {
	return &Table{options: o, hash: hash{maphash.MakeSeed()}}
}

// Update returns a table without the routes whose ids are in remove and with
// those of put, each in place of the route that had its id; of several with one
// id in put the last counts. t stays as it is and shares its memory with the
// new table: the cost depends on what changes, not on the size.
//
// A route that cannot be placed becomes a Problem and is left out, and so is
// the one it was to replace.
func (t *Table) Update(put []*Route, remove []string) (*Table, []Problem) {
	next := *t
	next.edit++
	for _, id := range remove {
		next.drop(id)
	}
	var problems []Problem
	for _, r := range put {
		if r == nil {
			problems = append(problems, Problem{Err: errNoRoute})
			continue
		}
		next.drop(r.ID)
		e, err := newEntry(r, t.options)
		if err != nil {
			problems = append(problems, Problem{ID: r.ID, Err: err})
			continue
		}
		next.add(e)
	}
	return &next, problems
}

var errNoRoute = errors.New("the route is nil")

func (t *Table) add(e *entry) {
	t.len++
	t.byID = t.byID.With(t.edit, nameItem(e))
	t.change(e, func(s *set) { s.put(t.edit, t.hash, e) })
}

func (t *Table) drop(id string) {
	e := t.entry(id)
	if e == nil {
		return
	}
	t.len--
	t.byID = t.byID.Without(t.edit, nameItem(e))
	t.change(e, func(s *set) { s.remove(t.edit, t.hash, e) })
}

// change applies do to the set in which e stands.
func (t *Table) change(e *entry, do func(*set)) {
	if e.place == nowhere {
		do(&t.pathless)
		return
	}
	t.tree = edit{t.hash, t.edit}.change(t.tree, e.way(), e, do)
}

// Len returns the number of routes.
func (t *Table) Len() int { return t.len }

// Get returns the route called id, or nil.
func (t *Table) Get(id string) *Route {
	if e := t.entry(id); e != nil {
		return e.route
	}
	return nil
}

// All returns the routes in the order of their ids.
func (t *Table) All() iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		for it := range t.byID.All() {
			if !yield(it.Value.route) {
				return
			}
		}
	}
}

func (t *Table) entry(id string) *entry {
	v, _ := t.byID.Get(btree.Item[named]{Key: idKey(id), Value: named{id: id}})
	return v.entry
}

// named is an entry under its id.
type named struct {
	id string
	*entry
}

// Compare orders entries by id.
func (a named) Compare(b named) int { return strings.Compare(a.id, b.id) }

func nameItem(e *entry) btree.Item[named] {
	return btree.Item[named]{Key: idKey(e.route.ID), Value: named{e.route.ID, e}}
}

// idKey returns the first bytes of id as a number of the same order.
func idKey(id string) uint64 {
	var b [8]byte
	copy(b[:], id)
	return binary.BigEndian.Uint64(b[:])
}
