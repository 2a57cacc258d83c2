// Package btree is a persistent ordered set: a B+ tree whose old versions stay
// as they were when a new one is made from them. Readers need no lock, a change
// copies one path from the root (a few kilobytes), and a batch of changes
// copies each node at most once.
//
// The walk: With and Without return a changed tree; Seek finds an Item by its
// Key, Next walks on from there; both allocate nothing. Items are ordered by
// Key first, a number that is compared without a call and lies beside its
// value, and then by Value.Compare.
//
// A batch is named by an Edit. Nodes that were made under the same Edit are
// changed in place, so a version that others may read must never be changed
// under the Edit that made it: give every new version the Edit of its parent
// plus one. Two children of one parent may then carry the same Edit, because
// neither can reach nodes that the other made.
//
// What it does not do: lock (changes of one tree come from one goroutine at a
// time), count its items, or keep them by hash: a Key that is a hash gives an
// unordered map whose collisions Compare sorts out.
//
// Start reading at Tree.
package btree
