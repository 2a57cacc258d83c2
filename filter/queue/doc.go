// Package queue holds the filters that bound how many requests a route, or a group
// of routes, has under way, and let others wait for their turn: fifo, lifo and their
// kin.
//
// # The walk
//
// The queues themselves are those of package kit/turn. One belongs to each route or
// group and outlives changes of the route: the settings of the newest filter apply
// from its first request on. A request takes its turn in the request phase and gives
// it back when the head of the response is there; with the filters "WithBody", when the
// exchange has ended. A request that finds the line full gets 503 (queue-full), one
// whose time is up 502 (queue-timeout).
//
// # What it promises
//
//   - A turn is given back, whatever becomes of the exchange.
//   - A request takes one turn of each queue, however often it comes by: through
//     loopbacks, or because the filter stands twice in its route. Of several filters
//     of one queue the last decides.
//   - A request whose client goes away leaves the line at once.
//   - While nobody waits it costs two atomic operations and no memory.
//
// Start reading at queue.go.
package queue
