package btree

import "slices"

// With returns t with the item added, or put in the place of the one that
// compares equal.
func (t Tree[V]) With(edit Edit, it Item[V]) Tree[V] {
	if t.root == nil {
		return Tree[V]{&node[V]{edit: edit, items: []Item[V]{it}}}
	}
	n, right := t.root.put(edit, &it)
	if right == nil {
		return Tree[V]{n}
	}
	return Tree[V]{&node[V]{
		edit:  edit,
		items: []Item[V]{n.items[0], right.items[0]},
		kids:  &[maxItems]*node[V]{n, right},
	}}
}

// put adds it below n. It returns what stands in n's place, and what was cut
// off to the right of it because there was no room.
func (n *node[V]) put(edit Edit, it *Item[V]) (self, right *node[V]) {
	n = n.mutable(edit)
	if n.kids == nil {
		i, found := n.find(it)
		if found {
			n.items[i] = *it
			return n, nil
		}
		return n, n.insert(edit, i, *it, nil)
	}
	i := n.kidOf(it)
	kid, next := n.kids[i].put(edit, it)
	n.kids[i], n.items[i] = kid, kid.items[0]
	if next == nil {
		return n, nil
	}
	return n, n.insert(edit, i+1, next.items[0], next)
}

// insert puts an item, and the kid it stands for in an inner node, at place i.
// When n is full, it returns the new right half.
func (n *node[V]) insert(edit Edit, i int, it Item[V], kid *node[V]) (right *node[V]) {
	if len(n.items) < maxItems {
		if kid != nil {
			copy(n.kids[i+1:], n.kids[i:len(n.items)])
			n.kids[i] = kid
		}
		n.items = slices.Insert(n.items, i, it)
		return nil
	}
	if i == maxItems { // ascending input leaves full nodes behind
		right = &node[V]{edit: edit, items: []Item[V]{it}}
		if kid != nil {
			right.kids = &[maxItems]*node[V]{kid}
		}
		return right
	}
	right = n.cut(edit, maxItems/2)
	if i <= maxItems/2 {
		n.insert(edit, i, it, kid)
	} else {
		right.insert(edit, i-maxItems/2, it, kid)
	}
	return right
}

// Without returns t without the item that compares equal to it; t itself when
// there is none.
func (t Tree[V]) Without(edit Edit, it Item[V]) Tree[V] {
	if t.root == nil {
		return t
	}
	n, found := t.root.remove(edit, &it)
	if !found {
		return t
	}
	for n != nil && n.kids != nil && len(n.items) == 1 {
		n = n.kids[0]
	}
	return Tree[V]{n}
}

// remove takes it out below n. It returns what stands in n's place, nil when
// nothing is left.
func (n *node[V]) remove(edit Edit, it *Item[V]) (self *node[V], found bool) {
	if n.kids == nil {
		i, found := n.find(it)
		if !found {
			return n, false
		}
		if len(n.items) == 1 {
			return nil, true
		}
		n = n.mutable(edit)
		n.items = slices.Delete(n.items, i, i+1)
		return n, true
	}
	i := n.kidOf(it)
	kid, found := n.kids[i].remove(edit, it)
	if !found {
		return n, false
	}
	n = n.mutable(edit)
	if kid == nil {
		n.drop(i)
		if len(n.items) == 0 {
			return nil, true
		}
		return n, true
	}
	n.kids[i], n.items[i] = kid, kid.items[0]
	if len(kid.items) < maxItems/4 {
		n.join(edit, i)
	}
	return n, true
}

func (n *node[V]) drop(i int) {
	last := len(n.items) - 1
	copy(n.kids[i:last], n.kids[i+1:])
	n.kids[last] = nil
	n.items = slices.Delete(n.items, i, i+1)
}

// join merges the thin kid at i with a neighbour when both fit into one node
// with room to spare.
func (n *node[V]) join(edit Edit, i int) {
	for _, l := range [2]int{i - 1, i} {
		if l < 0 || l+1 >= len(n.items) {
			continue
		}
		left, right := n.kids[l], n.kids[l+1]
		if len(left.items)+len(right.items) > maxItems*3/4 {
			continue
		}
		left = left.mutable(edit)
		if right.kids != nil {
			copy(left.kids[len(left.items):], right.kids[:len(right.items)])
		}
		left.items = append(left.items, right.items...)
		n.kids[l], n.items[l] = left, left.items[0]
		n.drop(l + 1)
		return
	}
}
