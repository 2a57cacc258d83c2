// Package turn lets a bounded number of users do something at the same time, and a
// bounded number wait for their turn: the first that came first, or the last.
//
// # The walk
//
// Who is free to go takes a turn with one atomic operation. Who is not stands in
// line under a lock until a turn is handed over, the time is up, or nobody wants it
// any more.
//
// # What it promises
//
//   - As long as nobody waits, Enter and Leave take no lock and no memory.
//   - A turn that ends goes to somebody who waits, not to who comes just then.
//   - Each Enter that returned nil needs one Leave; one that returned an error none.
//   - Whoever gives up waiting leaves the line at once.
//   - Settings change while the queue lives: who is inside stays, who waits may go
//     as soon as there is room.
//
// It does not know what the turns are for.
//
// Start reading at Queue.Enter.
package turn
