package btree

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// pair is a value with a part that orders and a part that does not.
type pair struct{ order, payload int }

func (a pair) Compare(b pair) int { return cmp.Compare(a.order, b.order) }

type item = Item[pair]

// model is the same set, done simply.
type model []item

func (m model) find(it item) (int, bool) {
	return slices.BinarySearchFunc(m, it, func(a, b item) int { return a.compare(&b) })
}

func (m model) with(it item) model {
	i, found := m.find(it)
	m = slices.Clone(m)
	if found {
		m[i] = it
		return m
	}
	return slices.Insert(m, i, it)
}

func (m model) without(it item) model {
	i, found := m.find(it)
	if !found {
		return m
	}
	return slices.Delete(slices.Clone(m), i, i+1)
}

// check compares every way to read t with the model, and t's shape with its
// rules.
func check(t *testing.T, tree Tree[pair], m model, keys int) {
	t.Helper()
	if got := slices.Collect(tree.All()); !slices.Equal(got, m) {
		t.Fatalf("items\n got %v\nwant %v", got, m)
	}
	if tree.Empty() != (len(m) == 0) {
		t.Fatalf("Empty() = %v with %d items", tree.Empty(), len(m))
	}
	if last := tree.Max(); (last == nil) != (len(m) == 0) || last != nil && *last != m[len(m)-1] {
		t.Fatalf("Max() = %v", last)
	}
	for key := range keys + 1 {
		i, _ := slices.BinarySearchFunc(m, uint64(key), func(a item, k uint64) int {
			return cmp.Or(cmp.Compare(a.Key, k), 1)
		})
		c := tree.Seek(uint64(key))
		for ; c.Valid(); c = tree.Next(c) {
			if i >= len(m) || *c.Item() != m[i] {
				t.Fatalf("from key %d: item %v is not the model's number %d", key, *c.Item(), i)
			}
			i++
		}
		if i != len(m) {
			t.Fatalf("from key %d: ended at %d of %d items", key, i, len(m))
		}
	}
	for _, it := range m {
		if v, ok := tree.Get(item{it.Key, pair{order: it.Value.order}}); !ok || v != it.Value {
			t.Fatalf("Get(%v) = %v, %v", it, v, ok)
		}
	}
	if tree.root != nil {
		checkShape(t, tree.root, 0)
	}
}

// checkShape returns the height of n.
func checkShape(t *testing.T, n *node[pair], depth int) int {
	t.Helper()
	if len(n.items) == 0 || len(n.items) > maxItems {
		t.Fatalf("a node has %d items", len(n.items))
	}
	if n.kids == nil {
		return 1
	}
	if depth == 0 && len(n.items) < 2 {
		t.Fatal("the root has one kid")
	}
	height := 0
	for i, k := range n.kids {
		if (k == nil) != (i >= len(n.items)) {
			t.Fatalf("kid %d of %d: %v", i, len(n.items), k)
		}
		if k == nil {
			break
		}
		if k.items[0] != n.items[i] {
			t.Fatalf("separator %v before %v: it would keep an old value alive", n.items[i], k.items[0])
		}
		h := checkShape(t, k, depth+1)
		if height != 0 && h != height {
			t.Fatalf("kids of height %d and %d", height, h)
		}
		height = h
	}
	return height + 1
}

// TestAgainstModel changes trees at random, in batches, from random older
// versions too, and checks that every version stays what it was.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			keys := []int{1, 4, 60, 5000}[seed%4]
			type version struct {
				tree Tree[pair]
				m    model
				edit Edit
			}
			versions := []version{{}}
			payload := 0
			for range 25 {
				v := versions[len(versions)-1]
				if r.IntN(4) == 0 {
					v = versions[r.IntN(len(versions))]
				}
				v.edit++
				grow := r.IntN(10)
				for range r.IntN(400) {
					payload++
					it := item{uint64(r.IntN(keys)), pair{r.IntN(300), payload}}
					if r.IntN(10) < grow {
						v.tree, v.m = v.tree.With(v.edit, it), v.m.with(it)
					} else {
						if len(v.m) > 0 && r.IntN(2) == 0 {
							it = v.m[r.IntN(len(v.m))]
						}
						v.tree, v.m = v.tree.Without(v.edit, it), v.m.without(it)
					}
				}
				versions = append(versions, v)
			}
			for _, v := range versions {
				check(t, v.tree, v.m, min(keys, 70))
			}
		})
	}
}

// TestDrain removes everything again, in several orders, and looks at what was
// there on the way when it is over.
func TestDrain(t *testing.T) {
	const n = 3000
	orders := map[string]func(i int) int{
		"ascending":  func(i int) int { return i },
		"descending": func(i int) int { return n - 1 - i },
		"strided":    func(i int) int { return i * 7 % n },
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			var tree Tree[pair]
			var m model
			for i := range n {
				it := item{uint64(order(i)), pair{}}
				tree, m = tree.With(1, it), append(m, item{uint64(i), pair{}})
			}
			// Every batch is one removal, so that each meets nodes of others.
			versions := map[Tree[pair]]model{tree: m}
			for i := range n {
				gone := item{uint64(order(i)), pair{}}
				tree = tree.Without(Edit(i+2), gone)
				m = m.without(gone)
				if i%100 == 0 {
					versions[tree] = m
				}
			}
			for tree, m := range versions {
				check(t, tree, m, 10)
			}
			if !tree.Empty() {
				t.Fatal("the tree is not empty")
			}
		})
	}
}

// TestAscendingFillsNodes keeps sorted loads, the usual ones, compact.
func TestAscendingFillsNodes(t *testing.T) {
	var tree Tree[pair]
	for i := range 64 * 64 {
		tree = tree.With(1, item{uint64(i), pair{}})
	}
	for i, k := range tree.root.kids[:len(tree.root.items)] {
		if len(k.items) != maxItems {
			t.Fatalf("node %d has %d items, want %d", i, len(k.items), maxItems)
		}
	}
}

// TestReadAllocations keeps reading free of garbage.
func TestReadAllocations(t *testing.T) {
	var tree Tree[pair]
	for i := range 10_000 {
		tree = tree.With(1, item{uint64(i / 3), pair{order: i}})
	}
	got := testing.AllocsPerRun(100, func() {
		n := 0
		for c := tree.Seek(77); c.Valid() && n < 300; c = tree.Next(c) {
			n++
		}
		if _, ok := tree.Get(item{100, pair{order: 301}}); n != 300 || !ok {
			t.Fatal("the walk did not see what is there")
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkSeek(b *testing.B) {
	var tree Tree[pair]
	keys := make([]uint64, 20_000)
	for i := range keys {
		keys[i] = rand.Uint64()
		tree = tree.With(1, item{keys[i], pair{}})
	}
	i := 0
	for b.Loop() {
		if !tree.Seek(keys[i%len(keys)]).Valid() {
			b.Fatal("not found")
		}
		i += 7
	}
}

func BenchmarkChange(b *testing.B) {
	var tree Tree[pair]
	for range 100_000 {
		tree = tree.With(1, item{rand.Uint64(), pair{}})
	}
	b.ReportAllocs()
	it := item{Key: 1 << 63}
	for b.Loop() {
		tree.With(2, it)
	}
}
