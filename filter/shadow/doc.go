// Package shadow holds the filters that send a copy of the traffic elsewhere: tee
// and teenf to another server, teeLoopback through the routes once more, and
// teeResponse what the backend answered. What becomes of a copy, its shadow,
// changes nothing about the exchange itself.
//
// The walk: a filter asks the carrier for a place. Without one there is no shadow.
// The carrier copies the head and sends it from a goroutine of its own; the body
// follows as the exchange reads it, through a tape: bounded memory between the two.
//
// What it promises:
//
//   - The exchange never waits for its shadow. A shadow that takes its body too
//     slowly finds its tape full and is cut.
//   - Shadows are bounded: in number, for each server and in all, in memory and in
//     time. What was dropped is counted: shadow.dropped.busy (no place),
//     shadow.dropped.overflow (a full tape); shadow.sent and shadow.failed count
//     the others.
//   - Another server sees no credentials: no field or query parameter that carries
//     some (credentials.go), unless -shadow-credentials-hosts names it, and never
//     those for a proxy. Bodies are copied as they are.
//   - Shadows end: one of a shadow is refused (shadow-loop, 465) where tee would make
//     it, and those of teeLoopback have the rounds of routing behind them of the
//     request they are made of. A request of teeLoopback makes no other under the
//     same label.
//   - A redirect leads a shadow nowhere but to the same host.
//
// What it does not do: it does not compare answers, and drops them. It makes no
// shadow of CONNECT, and none of an upgrade beyond its request.
//
// Start reading at tee.go.
package shadow
