// Package limit holds the filters that limit how many requests pass in a time: in
// all, for each client, towards each endpoint.
//
// # The walk
//
// Each filter takes its counter out of one book of the process (take), so equal
// settings count together in all routes and from one set of routes to the next.
// Requests beyond the limit are refused with the reason rate-limited, with X-Rate-Limit
// (the limit as requests an hour) and Retry-After (seconds). backendRatelimit is a
// filter.Guard: it is asked for each endpoint.
//
// Global makes the filters of -ratelimits; package app puts them before those of
// each route.
//
// # What it promises
//
//   - At most n requests in any stretch of the time, as package kit/window says it;
//     refused requests do not count.
//   - Clients without bound cannot make it forget anybody, see kit/window: at most
//     131072 clients have a counter of their own for each limit.
//   - What clients are told apart by, such as their tokens, is not kept.
//
// It does not count together with other processes, which the filters with "cluster"
// in their names are for.
//
// Start reading at limit.go.
package limit
