// Package proxy answers requests with what the routes say.
//
// # The walk
//
// Proxy.Handle is the whole of it: seven steps, each in a file of its own.
//
//	1 admit     admit.go     may it enter? routes loaded, query, body; what the
//	                         client claims about itself (trust.go), X-Forwarded-*
//	2 match     match.go     which route? the cleaned path and table.Lookup
//	3 request   filters.go   filters, down; one that answers ends the way
//	4 forward   forward.go   endpoint, connection, send (attempt.go), retry
//	5 response  filters.go   filters, up, the last round first
//	6 reply     answer.go    to the client, or the tunnel of an upgrade
//	7 account   account.go   access log and metrics
//
// A <loopback> route goes back from 3 to 2 with the request as its filters left
// it, at most -max-loopbacks times. begin and end (passage.go) stand around the
// steps: end accounts, gives the connection back and catches panics of filters.
//
// Filters send requests of their own through the same steps (inner.go): a
// goroutine and a Downstream in memory for each, -max-inner-exchanges of them at
// most. They do not stand in the access log unless their route asks for it with
// enableAccessLog, count as incoming.inner, and have the rounds of routing behind
// them of the request that led to them, so that loops end.
//
// Around the requests stand Listen and Run (serve.go), the connections of each
// endpoint (transport.go), and SetTable, Stop and Ready for package app.
//
// # What it promises
//
//   - A request sees one table, from its first lookup to its reply.
//   - The path is cleaned once; the same path is matched, seen by filters and
//     forwarded, so that a backend is never asked for what no route allowed.
//   - What proxies tell each other (X-Forwarded-For and its kin, message.Claim) is
//     believed only of clients in the networks of -trusted-proxies, and only in
//     its own spelling. Predicates, filters, logs and backends see the same.
//   - A target that comes from the request is checked when its address is
//     connected to: not loopback, not link-local, not our own ports (guard.go).
//   - Nothing of an exchange is kept: an exchange that was used once serves the
//     next request without allocating.
//   - A filter that panics costs its request a 500 and, under HTTP/1, its
//     connection, nothing else. One that breaks the framing costs the exchange: the message is cut,
//     never longer or shorter than it says.
//   - The body of a response is closed once, whatever happens.
//   - A filter that waits learns when its client goes away (Context).
//   - While no routes are loaded the answer is 503 with Retry-After, never 404.
//   - Run returns when every client connection and every goroutine has ended.
//
// # Upgrades
//
// With -experimental-upgrade a client may change to another protocol: by Upgrade
// under HTTP/1, WebSockets by CONNECT with :protocol under HTTP/2 (RFC 8441). The
// backend decides, each side in its own version: the engines translate. Before it
// has accepted, nothing that the client sent behind its request goes anywhere. A
// tunnel (tunnel.go) does not notice new routes or certificates. It ends when both
// sides have ended, when nothing passes for -tunnel-idle-timeout, and when the
// process ends: a WebSocket with a Close frame (1001) to both sides behind the
// frame under way, and cut 5 seconds later; others are cut with the last requests.
//
// # Retries
//
// A request is sent again only where it cannot have been processed twice:
//
//   - No connection could be made: the next endpoint of a load balanced route is
//     asked, at most three in all, bodies included, because nothing of them was
//     read yet. A route with one address has no other to ask.
//   - A connection that was idle turns out to be stale before a byte was
//     written: once more, over a new connection to the same endpoint. Every
//     connection is looked at: what a backend sent unasked must not become the
//     answer of somebody else.
//   - An idle connection ends under a request before a byte of the response:
//     once more over a new connection, if the request has no body and its method
//     is idempotent (RFC 9110 9.2.2).
//   - Everything else is an answer to the client, unless the route says more.
//
// With retry() (filter.Retry, retry.go) also requests that may have been processed
// are sent again, if their method is idempotent or the route names it: when no
// response came, in time, or one with a status that the route names. Never to the
// endpoint that failed just now while there is another one, or at all unless the
// route says so; only as far as the budget goes; bodies as long as all of them is
// kept (replay.go). A response is given up only for an attempt that can be made;
// its connection is kept if nothing more has to be read. backendTimeout bounds all
// attempts together.
//
// With hedge() (filter.Hedge, hedge.go) a request that waits for too long is sent to
// another endpoint at the same time. The first response below 500 is taken, others
// only when nothing better can come any more. Those that lost are interrupted, and
// waited for when the exchange ends. Each attempt has a goroutine of its own then;
// exchanges without hedge() have none.
//
// How each attempt of a load balanced route ended is reported to package health, which
// has endpoints leave and return.
//
// Before each attempt the guards that filters put there (filter.Guard, ask.go) say
// whether the endpoint may be used: circuit breakers, limits towards backends. One
// that is refused is left out, the next one is asked, sixteen in all; when none is
// left the client gets the guard's answer. A guard that allowed an attempt is told
// how it ended, once, whatever happens.
//
// # Errors
//
// What Fairlead answers itself has a message.Reason, which stands in the log,
// the access log and the metrics. The body is the text of the status.
//
//	no routes loaded yet                  not-ready                 503, Retry-After
//	the process is about to end           shutting-down             readiness only
//	malformed query (-validate-query)     query-invalid             400
//	-https-redirect, and no host to send  missing-host              400
//	the client to
//	TLS with another name than the host,  host-refused              421
//	whose clients are verified otherwise
//	a tunnel by CONNECT and :protocol     upgrade-refused           501
//	with -experimental-upgrade off, or
//	to a route that opens none
//	-refuse-payload                       payload-refused           400
//	-max-content-length                   payload-too-large         413
//	a long body of unknown length for a   length-required           411
//	fastcgi backend
//	a path that some backends read as     ambiguous-path            400
//	another one (message.Ambiguous)
//	no route                              no-route                  -default-http-status
//	too many loopbacks                    loop-limit                500
//	<dynamic> without a target            no-target                 502
//	a request chose a target that it      target-refused            403
//	may not reach (guard.go)
//	every endpoint tried                  as the last attempt; none: no-endpoint 503
//	a guard refused the last endpoint     what the guard says: circuit-open,
//	                                      backend-limited     503
//	dial                                  dial-failed, name-not-found, tls-failed,
//	                                      dial-timeout              502
//	all HTTP/2 connections are full, or   backend-busy              503
//	FastCGI says FCGI_OVERLOADED
//	the backend takes no upgrades         upgrade-failed            502
//	no response head in time              backend-timeout           504
//	backendTimeout ran out                backend-timeout           504
//	connection ended without an answer    backend-closed            502
//	connection reset                      backend-reset             503
//	the answer is no HTTP                 backend-malformed         502
//	the answer's head is too large        backend-header-too-large  502
//	the request's body: malformed, cut,   body-malformed, body-cut  400
//	too slow                              body-timeout              408
//	the request's body has what           body-blocked              400
//	blockContent looks for
//	a filter cannot change a body as      body-transform            500
//	the route says
//	the client went away                  client-gone               499
//	a filter panicked                     filter-panic              500
//	a filter left a body that is longer   internal                  500
//	or shorter than it says, or a target
//	with white space
//
// Once a part of the response was sent nothing can be taken back: the client's
// connection is closed, so that a cut answer is not taken for a whole one, and
// the log says backend-body-cut, backend-body-timeout, client-gone or
// client-stalled. What malformed input is answered, package http1 lists.
//
// gRPC calls are answered in gRPC's own words (grpc.go): 200 with grpc-status in
// the head and the reason as grpc-message. A backend that breaks off within its
// answer becomes UNAVAILABLE in the trailers.
//
//	no-route                              12 UNIMPLEMENTED
//	403, 421                              7 PERMISSION_DENIED
//	413, 431                              8 RESOURCE_EXHAUSTED
//	408, 504                              4 DEADLINE_EXCEEDED
//	429, 502, 503                         14 UNAVAILABLE
//	499                                   1 CANCELLED
//	400, 500                              13 INTERNAL
//	the backend resets the stream         what the code of RST_STREAM means to gRPC;
//	                                      CANCEL after grpc-timeout: 4
//
// What filters answer stays as it is: gRPC clients have a table for it. Streams of
// gRPC are bodies like others: those that live for longer, or are silent for
// longer, need other values of -read-timeout-server, -write-timeout-server and
// -response-header-timeout-backend (0: no limit).
//
// On errors only the filters that handle errors (filter.ErrorHandler) run their
// response phase. When one of them finds an answer after all (filter.Context.Recover),
// those before it run as they do on any response; the reason stays in the logs.
//
// # Where it differs from the peer
//
//   - The path that is matched is the path that is forwarded: without dot
//     segments and repeated slashes. The peer matches the one and forwards the
//     other. Dot segments that only some servers see are refused.
//   - Connection fields (RFC 9110 7.6.1) are never forwarded, in neither
//     direction, with or without -remove-hop-headers, and a client's Connection
//     field cannot take away fields that carry identity, such as X-Forwarded-*,
//     Authorization and Cookie. Upgrades go through -experimental-upgrade only.
//     -remove-hop-headers drops the two proxy authentication fields as well.
//   - -write-timeout-server bounds the time without progress and not the whole
//     response: a download of an hour is no fault, a client that reads nothing
//     for a minute is. The same limit holds for a backend that stalls within its
//     answer. -read-timeout-server counts from the end of the head.
//   - Three endpoints are tried where the peer tries two, with and without body.
//   - A backend that closes the connection instead of answering is told apart
//     (backend-closed, 502) from one that resets it (backend-reset, 503).
//   - Trailers and interim responses are passed on, and what arrives is passed
//     on at once: -backend-flush-interval has no effect.
//   - A client that closed its sending side still gets its answer. The peer takes
//     it for gone.
//   - SIGINT ends gracefully like SIGTERM, without the wait for load balancers
//     (-wait-for-healthcheck-interval). Requests that still run after
//     -shutdown-timeout are cut off; the peer waits for them without end.
//   - Before the first routes the answer is 503, and readiness says so.
//
// Kept on purpose: the Server field says "Skipper" unless a backend or a filter
// wrote another, because dashboards and tests look for it; a 499 stands for a
// client that went away.
//
// # What it does not do
//
// It does not decide which routes exist (control) or what filters do. Bytes on the
// wire are the business of the engines (http1, http2), handshakes that of listen.
//
// Start reading at Proxy.Handle.
package proxy
