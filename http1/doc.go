// Package http1 is the HTTP/1.1 engine: the side that faces clients (Server),
// the side that faces backends (Client), and one Exchange between them, all in
// the goroutine of the client's connection.
//
// # The walk
//
//	Server.ServeConn   takes a connection that package listen accepted
//	conn.serve         waits for a request (awaitRequest) or parks, then
//	conn.exchange      readHead -> parseRequest: head, target, host, framing
//	Handler.Handle     the proxy; it asks a backend with
//	Client.Do          sendWhole or sendStreaming, then readHead
//	Exchange.Reply     shape decides the framing, send moves the body
//	Exchange.finish    the connection lives on, lingers or ends
//
// A head is parsed where it lies: Request and Response hold views of the
// connection's buffer, which is pinned until the exchange ends. A parser that
// needs more input says errIncomplete and starts anew when an empty line may
// have arrived. Input that is not HTTP is a ProtocolError with its
// message.Reason; Handler.Refuse answers it and the connection ends.
//
// A request without a body, or whose body has arrived, goes out and is answered
// in one pass through the poller (Stream.Exchange). Other bodies are sent by a
// second goroutine (Upload) while the response is waited for, because a backend
// may answer before it has seen everything; it ends before the exchange does.
// Bodies whose framing needs no bytes of its own go from socket to socket by
// splice, files from the page cache by sendfile.
//
// Stream is the seam to the connection driver: *sock.Conn waits in the runtime's
// poller, an event loop would be another.
//
// # What it promises
//
//   - One request in, one request out: the head that a backend gets is written
//     anew, with one framing field, one Host and no connection field. What was
//     ambiguous in the input was refused before.
//   - Order and spelling of header fields are kept both ways.
//   - Keep-alive and pipelining: requests of one connection are answered in
//     order; the next is read when the last is finished.
//   - Bodies are streamed, both ways at the same time; trailers, interim
//     responses (103), 100-continue, HEAD, 204, 304 and upgrades work. An upgrade
//     to h2c, HTTP or TLS is never asked for: requests inside such a tunnel would
//     pass all routes.
//   - A backend's connection is used again only behind a whole request and a
//     whole response, after a look that nothing came by it meanwhile. A refused
//     upgrade ends both connections.
//   - A client whose message ends with its connection gets a reset when the
//     message was cut.
//   - Fields that the client's Connection names are dropped before filters run:
//     what a filter sets arrives.
//   - A client that ended its sending side after the request is answered.
//   - An idle connection holds no buffer, and while it is parked no goroutine.
//   - The plain exchange allocates nothing.
//   - Everything is bounded: heads (Limits), chunk extensions 4 KB, trailers
//     16 KB and 100 fields, 8 interim responses, 256 KB read of a body that
//     nobody wanted, one second or 512 KB of lingering after the last response.
//   - How the input is cut into packets makes no difference.
//
// # What it does not do
//
// It does not route, retry or choose backends, does no TLS, HTTP/2 or HTTP/3,
// and serves no CONNECT. It does not decode content codings. A head that does
// not arrive in time is no message: the connection is closed without a word.
//
// # Strictness: requests
//
// What RFC 9112 calls an error ends the connection, with the status of the
// reason:
//
//	RFC 9112 2.2    more than two empty lines before a request   bad-request-line
//	RFC 9112 2.2    CR without LF, or LF without CR, where a      bad-line-ending
//	                field line begins
//	RFC 9112 3      anything but "method SP target SP version"    bad-request-line
//	RFC 9110 5.6.2  a method that is no token, or is too long     bad-method
//	RFC 9112 3.2    control characters, no target or no version,  bad-target
//	                two spaces, wrong percent-encoding, %00, user
//	                information, neither a path nor http:// nor
//	                https://, "*" with another method than OPTIONS
//	RFC 3986 2      bytes above 0x7f in a target                  bad-target
//	RFC 9112 3      a target above Limits.LineBytes               uri-too-long
//	RFC 9112 2.3    HTTP/0.9, HTTP/1.2 and later, HTTP/2          bad-version (505)
//	RFC 9110 9.3.6  CONNECT                                       connect-refused (405)
//	RFC 9110 10.1.1 Expect other than 100-continue                expectation-failed (417)
//	                a TLS handshake                               tls-on-plain-port
//	RFC 9112 5.1    an empty field name, white space before the   bad-header-name
//	                colon, bytes that no token has
//	                Content_Length and Transfer_Encoding          bad-header-name
//	RFC 9112 5.2    a line that begins with white space           folded-header
//	RFC 9110 5.5    CR, LF, NUL and other control characters      bad-header-value
//	                in a value
//	                a head above Limits.HeadBytes                 header-too-large (431)
//	                more fields than Limits.Fields                too-many-headers (431)
//	RFC 9112 3.2    HTTP/1.1 without Host                         missing-host
//	RFC 9112 3.2    two Host fields, equal or not                 duplicate-host
//	RFC 9112 3.2    what RFC 3986 allows in no host or port,      bad-host
//	                percent-encoding
//	RFC 9112 3.2.2  http://a/ with the Host field b               host-mismatch
//	RFC 9112 6.2    a Content-Length that is not 1 to 18 digits   bad-content-length
//	RFC 9112 6.3    two Content-Length fields, equal or not;      conflicting-length
//	                Content-Length with Transfer-Encoding
//	RFC 9112 6.1    Transfer-Encoding other than one "chunked",   bad-transfer-encoding
//	                or in an HTTP/1.0 message
//	RFC 9112 7.1    wrong chunk sizes, more than 15 digits, white body-malformed
//	                space behind one, chunks longer than they say,
//	                CR or LF alone, extensions without a name,
//	                with an empty or quoted value or with white
//	                space behind it, malformed trailers
//
// # Strictness: responses
//
// A response is read by the same rules. The proxy answers backend-malformed
// (502) for all of them, and backend-header-too-large for a head above
// Limits.HeadBytes. Beyond the rules above these are errors: a status line that
// is not "HTTP/1.0" or "HTTP/1.1", a space and three digits from 100 on; more
// than 8 interim responses; 101 when no upgrade was asked for. The fields that a
// response's Connection field names are dropped like those of a request.
//
// # Where it differs from net/http
//
// FuzzRequest and FuzzResponse ask net/http for a second opinion. We take, and
// net/http does not:
//
//   - Up to two empty lines before a request line. RFC 9112 2.2 asks servers to
//     be so kind; nothing else is skipped.
//   - Absolute targets whose authority net/url does not parse ("parse ..." in the
//     fuzz target): message.ValidHost decides, and the Host field must say the
//     same.
//   - A Trailer field that announces a forbidden field. Trailers are checked when
//     they come, and those that frame, route or authenticate are dropped then.
//
// net/http takes, and we refuse, because an intermediary must not pass on what
// the next server may read in another way:
//
//   - Lines that end with LF alone, folded lines, white space before the colon
//     (which net/http keeps as a part of the name).
//   - Content-Length twice with one value: RFC 9112 6.3 allows either.
//   - Content-Length together with Transfer-Encoding, and Transfer-Encoding in
//     HTTP/1.0: net/http drops the one or ignores the other.
//   - More than 18 digits of Content-Length, even zeros.
//   - Content_Length and Transfer_Encoding: servers that turn "_" into "-", as
//     CGI does, would frame by them.
//   - Chunk extensions with quotes, where a CR LF may or may not end the line,
//     or without a name, and white space behind a chunk size.
//   - Targets with bytes above 0x7f: whether the next server decodes, drops or
//     refuses them is anybody's guess.
//   - HTTP/1.1 without Host (net/http leaves that to its server), hosts with
//     bytes such as "/" or "@", an absolute target and a Host field that differ
//     (net/http believes the target), user information in targets.
//   - HTTP/1.2, and the preface of HTTP/2 on this port.
//   - Targets that are neither a path nor an http URL, "*" with GET, and %00.
//   - Expect with another value: net/http's server answers 417, too, its parser
//     does not mind.
//
// One thing is done otherwise: a fragment ("/a#b") is cut from the target. It is
// never a part of one (RFC 9112 3.2), and net/http makes "%23b" of it, another
// resource.
//
// Of responses, FuzzResponse allows no difference but where net/http stops at an
// interim response or does not parse the head: a body that is complete for us is
// the same for net/http, byte for byte.
//
// # Where to start reading
//
// conn.run in server.go, then parseRequest in request.go and framing in
// fields.go, then Client.Do.
package http1
