package table

import (
	"strings"

	"fairlead.dev/fairlead/kit/btree"
)

// node is one position of the path tree: the way from the root to it is a
// segment per node. A trailing slash is an empty last segment. Published nodes
// never change.
type node struct {
	edit    btree.Edit // the batch that made this copy
	segment string
	static  btree.Tree[child]
	param   *node // below ":name"

	here, below, subtree set
}

// child is a node under the hash of its segment.
type child struct{ *node }

// Compare tells segments with equal hashes apart.
func (a child) Compare(b child) int { return strings.Compare(a.segment, b.segment) }

func (n *node) empty() bool {
	return n.static.Empty() && n.param == nil &&
		n.here.slots.Empty() && n.below.slots.Empty() && n.subtree.slots.Empty()
}

func (n *node) place(p place) *set {
	switch p {
	case here:
		return &n.here
	case below:
		return &n.below
	}
	return &n.subtree
}

// child returns the node of a literal segment, or nil.
func (n *node) child(h hash, seg string) *node {
	if n.static.Empty() {
		return nil
	}
	return n.childAt(h.segment(seg), seg)
}

func (n *node) childAt(key uint64, seg string) *node {
	for c := n.static.Seek(key); c.Valid(); c = n.static.Next(c) {
		it := c.Item()
		if it.Key != key {
			break
		}
		if it.Value.segment == seg {
			return it.Value.node
		}
	}
	return nil
}

// edit is one batch of changes to the tree.
type edit struct {
	hash hash
	id   btree.Edit
}

// change applies do to the set of e, which stands at path below n, and returns
// the node that takes n's place: nil when nothing is left of it. n may be nil.
func (ed edit) change(n *node, path string, e *entry, do func(*set)) *node {
	n = ed.mutable(n)
	if path == "" {
		do(n.place(e.place))
	} else {
		seg, rest := nextSegment(path)
		if seg != "" && seg[0] == ':' {
			n.param = ed.change(n.param, rest, e, do)
		} else {
			ed.changeChild(n, seg, rest, e, do)
		}
	}
	if n.empty() {
		return nil
	}
	return n
}

func (ed edit) changeChild(n *node, seg, rest string, e *entry, do func(*set)) {
	key := ed.hash.segment(seg)
	old := n.childAt(key, seg)
	c := old
	if c == nil {
		// The pattern may be part of a large document: do not keep it.
		c = &node{edit: ed.id, segment: strings.Clone(seg)}
	}
	c = ed.change(c, rest, e, do)
	switch {
	case c != nil && c != old:
		n.static = n.static.With(ed.id, btree.Item[child]{Key: key, Value: child{c}})
	case c == nil && old != nil:
		n.static = n.static.Without(ed.id, btree.Item[child]{Key: key, Value: child{old}})
	}
}

// mutable returns n when this batch made it, else a copy.
func (ed edit) mutable(n *node) *node {
	switch {
	case n == nil:
		return &node{edit: ed.id}
	case n.edit == ed.id:
		return n
	}
	c := *n
	c.edit = ed.id
	return &c
}
