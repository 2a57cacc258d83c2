// Package fastcgi speaks FastCGI 1.0 with backends such as php-fpm: it turns a
// message.Request into the records of a responder and what comes back into a
// message.Response.
//
// The walk of an exchange (Client.Do): appendRequest writes the parameters of
// the request (params.go, RFC 3875 4.1) behind a BEGIN_REQUEST; the body follows
// as STDIN records, in one write with them if all of it is here, from a goroutine
// beside (upload.go) otherwise. Records that come back (record.go) are taken
// apart: STDOUT is the head (head.go, RFC 3875 6) and the body (body.go), STDERR
// goes to OnStderr, END_REQUEST ends it.
//
// What it promises:
//
//   - A parameter that a client can choose begins with HTTP_, but for those that
//     CGI derives from the request line, the content's length and type. A field
//     whose name has anything but letters, digits and dashes is left out: X_A and
//     X-A would be one parameter. Proxy is left out: programs would take
//     HTTP_PROXY for their own proxy (CVE-2016-5385, "httpoxy").
//   - The file that runs is the route's word (exchange.SendOptions.Script), never
//     the client's.
//   - The head of a response is bounded like any other and strict but for the line
//     ends, which RFC 3875 leaves open. A body is whole when END_REQUEST said so,
//     or when it is as long as its Content-Length: what is cut is not taken for
//     whole.
//   - A body of unknown length is kept in memory up to 1 MiB, because CGI has to
//     say the length first; a longer one is exchange.ErrLengthRequired.
//   - At most 4 KiB of what a program writes to its standard error are kept for
//     each exchange.
//
// One connection carries one exchange at a time: php-fpm and most others know no
// multiplexing. With KeepConn the connection is kept for the next (FCGI_KEEP_CONN)
// if the backend leaves it open, too.
//
// What it does not do: the roles authorizer and filter, tunnels, interim responses
// and trailers, which CGI does not have, and local redirects (RFC 3875 6.2.2),
// which it turns into redirects by the client.
//
// Start reading at Client.Do.
package fastcgi
