package btree

import (
	"iter"
	"slices"
)

// maxItems is the width of a node. Wider nodes make the tree flatter and every
// change copy more.
const maxItems = 64

// Edit names a batch of changes; see the package comment.
type Edit uint64

// Value is what an Item holds. Compare orders values whose Keys are equal; two
// values for which it returns 0 are the same item to the tree.
type Value[V any] interface{ Compare(V) int }

// Item is one member of a Tree.
type Item[V Value[V]] struct {
	Key   uint64
	Value V
}

func (a *Item[V]) compare(b *Item[V]) int {
	switch {
	case a.Key < b.Key:
		return -1
	case a.Key > b.Key:
		return 1
	}
	return a.Value.Compare(b.Value)
}

// Tree is one version of a set of items. The zero Tree is empty.
type Tree[V Value[V]] struct{ root *node[V] }

// node is a leaf when it has no kids. An inner node keeps, for each kid, a copy
// of the kid's smallest item: never an older one, which would hold on to
// memory that no version needs.
type node[V Value[V]] struct {
	edit  Edit
	items []Item[V]
	kids  *[maxItems]*node[V] // as many as items
}

// Empty reports whether t has no items.
func (t Tree[V]) Empty() bool { return t.root == nil }

// Get returns the value that compares equal to it.
func (t Tree[V]) Get(it Item[V]) (v V, ok bool) {
	n := t.root
	if n == nil {
		return v, false
	}
	for n.kids != nil {
		n = n.kids[n.kidOf(&it)]
	}
	if i, found := n.find(&it); found {
		return n.items[i].Value, true
	}
	return v, false
}

// Max returns the greatest item, or nil when t is empty. It belongs to t.
func (t Tree[V]) Max() *Item[V] {
	n := t.root
	if n == nil {
		return nil
	}
	for n.kids != nil {
		n = n.kids[len(n.items)-1]
	}
	return &n.items[len(n.items)-1]
}

// All returns the items in order.
func (t Tree[V]) All() iter.Seq[Item[V]] {
	return func(yield func(Item[V]) bool) {
		if t.root != nil {
			t.root.walk(yield)
		}
	}
}

func (n *node[V]) walk(yield func(Item[V]) bool) bool {
	for i, it := range n.items {
		if n.kids != nil {
			if !n.kids[i].walk(yield) {
				return false
			}
		} else if !yield(it) {
			return false
		}
	}
	return true
}

// find returns the place of it among n's items, or where it would stand.
func (n *node[V]) find(it *Item[V]) (int, bool) {
	lo, hi := 0, len(n.items)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		switch c := n.items[m].compare(it); {
		case c == 0:
			return m, true
		case c < 0:
			lo = m + 1
		default:
			hi = m
		}
	}
	return lo, false
}

// kidOf returns the index of the kid that holds it, or would.
func (n *node[V]) kidOf(it *Item[V]) int {
	i, found := n.find(it)
	if found {
		return i
	}
	return max(i-1, 0)
}

// mutable returns n itself when this batch made it, else a copy with room for
// one more item.
func (n *node[V]) mutable(edit Edit) *node[V] {
	if n.edit == edit {
		return n
	}
	c := &node[V]{edit: edit}
	c.items = append(make([]Item[V], 0, len(n.items)+1), n.items...)
	if n.kids != nil {
		kids := *n.kids
		c.kids = &kids
	}
	return c
}

// cut moves what stands from at on into a new node.
func (n *node[V]) cut(edit Edit, at int) *node[V] {
	right := &node[V]{edit: edit}
	right.items = append(make([]Item[V], 0, maxItems), n.items[at:]...)
	if n.kids != nil {
		right.kids = new([maxItems]*node[V])
		copy(right.kids[:], n.kids[at:])
		clear(n.kids[at:])
	}
	n.items = slices.Delete(n.items, at, len(n.items))
	return right
}
