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
	only    *node             // the one literal child, as most nodes have;
	static  btree.Tree[child] // or all of them
	param   *node             // below ":name"
	sets    *sets             // nil where the tree only passes
}

// sets are the routes of one node.
type sets struct{ here, below, subtree set }

func (s *sets) at(p place) *set {
	switch p {
	case here:
		return &s.here
	case below:
		return &s.below
	}
	return &s.subtree
}

// child is a node under the hash of its segment.
type child struct{ *node }

// Compare tells segments with equal hashes apart.
func (a child) Compare(b child) int { return strings.Compare(a.segment, b.segment) }

func (n *node) empty() bool {
	return n.only == nil && n.static.Empty() && n.param == nil && n.sets == nil
}

// set returns the routes that stand at n; nil when there are none. n may be nil.
func (n *node) set(p place) *set {
	if n == nil || n.sets == nil {
		return nil
	}
	return n.sets.at(p)
}

// child returns the node of a literal segment, or nil.
func (n *node) child(h hash, seg string) *node {
	if n.only != nil {
		if n.only.segment == seg {
			return n.only
		}
		return nil
	}
	if n.static.Empty() {
		return nil
	}
	key := h.segment(seg)
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
		if n.sets == nil {
			n.sets = new(sets)
		}
		do(n.sets.at(e.place))
		if *n.sets == (sets{}) {
			n.sets = nil
		}
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
	old := n.child(ed.hash, seg)
	c := old
	if c == nil {
		// The pattern may be part of a large document: do not keep it.
		c = &node{edit: ed.id, segment: strings.Clone(seg)}
	}
	c = ed.change(c, rest, e, do)
	switch {
	case c == old:
	case n.only == old && n.static.Empty():
		n.only = c
	case c == nil:
		n.static = n.static.Without(ed.id, ed.item(old))
	default:
		if n.only != nil {
			n.static = n.static.With(ed.id, ed.item(n.only))
			n.only = nil
		}
		n.static = n.static.With(ed.id, ed.item(c))
	}
}

func (ed edit) item(n *node) btree.Item[child] {
	return btree.Item[child]{Key: ed.hash.segment(n.segment), Value: child{n}}
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
	if n.sets != nil {
		s := *n.sets
		c.sets = &s
	}
	return &c
}
