// Package cookie holds the filters that set and drop cookies (RFC 6265).
//
// The walk: what does not depend on the request is written once, when the
// filter is made (newCookie); the domain is that of each request.
//
// It promises: a cookie that no browser would take is refused when the route is
// built.
//
// It does not read cookies: package message does.
//
// Start reading at response.go.
package cookie
