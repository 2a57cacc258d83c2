// Package cache holds the filter cache: a shared HTTP cache in memory (RFC 9111),
// with renewing in the background and answers in place of errors (RFC 5861).
//
// The walk: Request makes a key of the request and looks for what is stored under
// it. Fresh, it is the answer. Stale, it may be the answer while it is renewed, or
// the backend is asked whether it is still right. Missing, the request goes on and
// leads a flight: others for the same wait for it, a little while. Response judges
// what came (policy.go); what may be kept is stored as the client reads it.
//
// What it promises:
//
//   - What is not certain to be for everybody is not kept: no-store, private, an
//     answer to Authorization, or to somebody whom a filter has found out (state
//     auth-user), that does not say public, must-revalidate or s-maxage, one that
//     sets cookies, one with Vary: *, one that does not say how long it lasts. The
//     filters before this one decide who may see a response: put those
//     that ask for a login there.
//   - Nothing that a backend may take for a part of the request stays out of the
//     key: scheme, host, path and query as they are written, what the route names,
//     the fields by which proxies tell of another resource, and what Vary lists.
//     Requests with a body, a range or another method in a field pass by.
//   - Memory is bounded (-cache-size), in all and for each response, while it is
//     read as well. What was used least recently goes first.
//   - Nobody waits for longer than -cache-collapse-wait, and nobody for what was
//     not kept the last time.
//   - A body that was cut, is longer or shorter than it says, or has trailers is
//     not kept.
//
// X-Cache-Status says HIT, STALE or MISS, Cache-Status the same in the words of RFC
// 9211. Counted are cache.hit, cache.miss, cache.stale, cache.collapsed,
// lru_eviction, lru_oversized, reval_error, reval_dropped and, as a gauge,
// lru_bytes.
//
// What it does not do: it keeps no parts of responses and answers no ranges, it
// does not share with other instances, and it forgets all when the process ends.
// must-understand does not bring back what no-store forbids.
//
// Start reading at cache.Request.
package cache
