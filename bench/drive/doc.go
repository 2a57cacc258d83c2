// Package drive is the load generator: HTTP/1.1 clients in one epoll loop, so
// cheap that the proxy under test saturates first.
//
// The walk: [Run] opens the connections and turns one loop; an event moves one
// client on (client.send, client.receive), a finished exchange goes to
// loop.finish, which counts it and decides by the mode what that client does
// next. [Settings] says what to send and when, [Report] what came of it.
//
//	get     closed loop: the next request as soon as the answer is complete
//	post    the same with a request body
//	conn    a new connection for each request ("Connection: close")
//	stream  closed loop over a large body, counted in bytes
//	rate    open loop: requests at fixed times, latency from the planned time
//	idle    many connections of one request each, held, then used once more
//
// It promises that every answer is checked (status 200, Content-Length, exact
// body length, nothing behind it) and that an answer that is not right is an
// error in the report, by reason. It does not read bodies: they are dropped in
// the kernel. It does not decode chunked answers; they count as errors.
//
// Start reading at loop.turn.
package drive
