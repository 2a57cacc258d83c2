package http1

import (
	"net/http"
	"strconv"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/websocket"
	"fairlead.dev/fairlead/message"
)

// appendRequest appends the head of req as it goes to a backend: fields in
// their order and spelling, framing made anew, connection fields left out
// (RFC 9110 7.6.1), host in the place of the client's Host field. key, if there
// is one, is our own Sec-WebSocket-Key.
func appendRequest(b []byte, req *message.Request, o *exchange.SendOptions, key string) []byte {
	b = append(b, req.Method...)
	b = append(b, ' ')
	if o.Absolute != "" {
		b = append(b, o.Absolute...)
		b = append(b, "://"...)
		b = append(b, o.Host...)
	}
	if o.Absolute == "" || req.RawPath != "*" { // RFC 9112 3.2.4
		b = append(b, req.RawPath...)
	}
	if req.Query != "" {
		b = append(b, '?')
		b = append(b, req.Query...)
	}
	b = append(b, " HTTP/1.1\r\n"...)
	hosts, framed := 0, false
	for _, field := range req.Header.Fields() {
		switch field.Kind {
		case message.KindOther:
			if (!o.RemoveHopFields || !proxyAuth(field.Name)) && (key == "" || !message.EqualName(field.Name, keyField)) {
				b = appendField(b, field.Name, field.Value)
			}
		case message.KindHost:
			if hosts++; hosts == 1 {
				b = appendField(b, field.Name, o.Host)
			}
		case message.KindContentLength, message.KindTransferEncoding:
			if !framed {
				framed = true
				b = appendFraming(b, field.Name, req.ContentLength, req.Body != nil)
			}
		case message.KindExpect:
			if o.Expect {
				b = appendField(b, field.Name, field.Value)
			}
		}
	}
	if hosts == 0 {
		b = appendField(b, "Host", o.Host)
	}
	if !framed && req.Body != nil {
		b = appendFraming(b, "Content-Length", req.ContentLength, true)
	}
	if o.Upgrade != "" {
		b = append(b, "Connection: Upgrade\r\n"...)
		b = appendField(b, "Upgrade", o.Upgrade)
		if key != "" {
			b = appendField(b, keyField, key)
		}
	} else if o.Trailers {
		b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	return append(b, "\r\n"...)
}

const keyField = "Sec-WebSocket-Key"

// ownKey returns the key of a WebSocket whose client has none: under HTTP/2 and
// HTTP/3 they do without (RFC 8441 5). Under HTTP/1 it is the client's own, who
// checks the answer.
func ownKey(req *message.Request, o *exchange.SendOptions) string {
	if req.Major < 2 || !message.EqualName(o.Upgrade, "websocket") {
		return ""
	}
	return websocket.NewKey()
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendFraming writes the one field that says how long the body is. name is
// the spelling of the client's own field, used when it fits.
func appendFraming(b []byte, name string, length int64, body bool) []byte {
	if length == message.Unknown && body {
		if len(name) != len("Transfer-Encoding") {
			name = "Transfer-Encoding"
		}
		return appendField(b, name, "chunked")
	}
	if len(name) != len("Content-Length") {
		name = "Content-Length"
	}
	b = append(b, name...)
	b = append(b, ": "...)
	b = strconv.AppendInt(b, max(length, 0), 10)
	return append(b, "\r\n"...)
}

// dropNominated removes the fields that a Connection field of h names.
func dropNominated(h *message.Header) {
	h.DelFunc(func(f message.Field) bool {
		return f.Kind == message.KindOther && nominated(h, f.Name)
	})
}

// nominated reports whether a Connection field of h names the field and may do
// so: fields that carry identity, routing or content are protected, because
// dropping them on a client's word is an attack (CVE-2024-45410 and kin).
func nominated(h *message.Header, name string) bool {
	for _, f := range h.Fields() {
		if f.Kind == message.KindConnection && message.HasToken(f.Value, name) {
			return !protected(name)
		}
	}
	return false
}

func protected(name string) bool {
	if claim, _ := message.Claim(name); claim {
		return true
	}
	for _, p := range [...]string{
		"Authorization", "Cookie", "Set-Cookie", "Via", "Range", "If-Range", "If-Match", "If-None-Match", "Accept",
		"Accept-Encoding", "Cache-Control", "Content-Type", "Content-Encoding", "Origin", "Referer", "User-Agent", "Date",
		"Vary", "Location", "WWW-Authenticate", "Strict-Transport-Security", "Content-Security-Policy", "X-Flow-Id",
		"X-Request-Id", "X-Auth-Token", "X-Api-Key", "X-Csrf-Token", "Traceparent",
	} {
		if message.EqualName(name, p) {
			return true
		}
	}
	return false
}

func proxyAuth(name string) bool {
	return message.EqualName(name, "Proxy-Authorization") || message.EqualName(name, "Proxy-Authenticate")
}

// appendStatus appends a status line.
func appendStatus(b []byte, status int, reason string) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = append(b, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10), ' ')
	if reason == "" {
		reason = http.StatusText(status)
	}
	b = append(b, reason...)
	return append(b, "\r\n"...)
}

// replyShape says how the body of a response is framed towards a client.
type replyShape struct {
	length   int64 // message.Unknown: chunked or until close
	chunked  bool
	bodiless bool // no body whatever the fields say
	close    bool
	keep10   bool // an HTTP/1.0 client that asked for keep-alive
}

// appendResponse appends the head of resp as it goes to the client.
func appendResponse(b []byte, resp *message.Response, s *replyShape) []byte {
	b = appendStatus(b, resp.Status, resp.Reason)
	framed := false
	for _, field := range resp.Header.Fields() {
		switch field.Kind {
		case message.KindOther, message.KindHost, message.KindExpect:
			b = appendField(b, field.Name, field.Value)
		case message.KindContentLength, message.KindTransferEncoding:
			if !framed {
				framed = true
				b = s.appendFraming(b, resp, field.Name)
			}
		case message.KindHopByHop:
			if s.chunked && message.EqualName(field.Name, "Trailer") {
				b = appendField(b, field.Name, field.Value)
			}
		}
	}
	if !framed {
		b = s.appendFraming(b, resp, "")
	}
	switch {
	case s.close:
		b = append(b, "Connection: close\r\n"...)
	case s.keep10:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

func (s *replyShape) appendFraming(b []byte, resp *message.Response, name string) []byte {
	switch {
	case s.bodiless && (resp.Status < 200 || resp.Status == 204):
		return b
	case s.bodiless:
		// HEAD and 304 say what a GET would have got, when that is known.
		if resp.ContentLength >= 0 && name != "" {
			return appendFraming(b, name, resp.ContentLength, false)
		}
		return b
	case s.chunked:
		return appendFraming(b, name, message.Unknown, true)
	case s.length >= 0:
		return appendFraming(b, name, s.length, true)
	}
	return b
}

// appendChunkHead appends the size line of a chunk.
func appendChunkHead(b []byte, n int) []byte {
	b = strconv.AppendInt(b, int64(n), 16)
	return append(b, "\r\n"...)
}

// appendLastChunk ends a chunked body with its trailers.
func appendLastChunk(b []byte, trailer *message.Header) []byte {
	b = append(b, "0\r\n"...)
	if trailer != nil {
		for _, f := range trailer.Fields() {
			if message.TrailerAllowed(f) {
				b = appendField(b, f.Name, f.Value)
			}
		}
	}
	return append(b, "\r\n"...)
}
