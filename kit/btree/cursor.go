package btree

// Cursor is a place in one version of a Tree. The zero Cursor is no place.
type Cursor[V Value[V]] struct {
	leaf *node[V]
	i    int
}

// Valid reports whether there is an item at c.
func (c Cursor[V]) Valid() bool { return c.leaf != nil }

// Item returns the item at c, which must be valid. It belongs to the tree.
func (c Cursor[V]) Item() *Item[V] { return &c.leaf.items[c.i] }

// Seek returns the place of the first item with this Key or a greater one.
func (t Tree[V]) Seek(key uint64) Cursor[V] {
	n := t.root
	if n == nil {
		return Cursor[V]{}
	}
	var after *node[V] // what follows the subtree n
	for n.kids != nil {
		// An equal item may stand at the end of the kid before the first kid
		// that begins with the key.
		i := n.lowest(key)
		if i < len(n.items) {
			after = n.kids[i]
		}
		n = n.kids[max(i-1, 0)]
	}
	if i := n.lowest(key); i < len(n.items) {
		return Cursor[V]{n, i}
	}
	return first(after)
}

// Next returns the place after c, which must be a valid place in t.
func (t Tree[V]) Next(c Cursor[V]) Cursor[V] {
	if c.i+1 < len(c.leaf.items) {
		return Cursor[V]{c.leaf, c.i + 1}
	}
	it, n := c.Item(), t.root
	var after *node[V]
	for n.kids != nil {
		i := n.kidOf(it)
		if i+1 < len(n.items) {
			after = n.kids[i+1]
		}
		n = n.kids[i]
	}
	return first(after)
}

// first returns the first place of a subtree.
func first[V Value[V]](n *node[V]) Cursor[V] {
	if n == nil {
		return Cursor[V]{}
	}
	for n.kids != nil {
		n = n.kids[0]
	}
	return Cursor[V]{n, 0}
}

// lowest returns the index of the first item with this Key or a greater one.
func (n *node[V]) lowest(key uint64) int {
	lo, hi := 0, len(n.items)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if n.items[m].Key < key {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}
