package proxy

import (
	"strconv"
	"strings"

	"fairlead.dev/fairlead/message"
)

// challengePath is where a CA looks for the answer to an http-01 challenge (RFC
// 8555 8.3).
const challengePath = "/.well-known/acme-challenge/"

// challenged answers a CA's question. It comes before everything else, routes
// included: a certificate must not depend on them.
func (e *passage) challenged() bool {
	r := e.req
	if e.p.challenge == nil || r.TLS != nil || r.Method != "GET" || !strings.HasPrefix(r.Path, challengePath) {
		return false
	}
	body, ok := e.p.challenge(r.Host, r.Path)
	if !ok {
		return false
	}
	resp := &e.own
	resp.Reset()
	resp.Status = 200
	resp.Header.Add("Content-Type", "application/octet-stream")
	resp.SetBody(strings.NewReader(body), int64(len(body)))
	e.ctx.Response = resp
	e.brand()
	e.reply()
	return true
}

// redirected sends clients that came without TLS to the same place with it
// (-https-redirect). Who terminated TLS in front of us says so in
// X-Forwarded-Proto; of clients that are not trusted the field is gone by now.
func (e *passage) redirected() bool {
	o, r := e.p.opts, e.req
	if !o.HTTPSRedirect || r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return false
	}
	if r.Host == "" {
		e.fail(message.ReasonMissingHost, nil)
		e.answer()
	} else {
		resp := &e.own
		resp.Reset()
		resp.Status = o.HTTPSRedirectCode
		resp.Header.Add("Location", httpsURL(r, o.HTTPSRedirectPort))
		resp.SetBody(nil, 0)
		e.ctx.Response = resp
	}
	e.brand()
	e.reply()
	return true
}

func httpsURL(r *message.Request, port int) string {
	host := r.Host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	if port != 443 {
		host += ":" + strconv.Itoa(port)
	}
	path := r.RawPath
	if !strings.HasPrefix(path, "/") {
		path = "/" // OPTIONS *
	}
	if r.Query != "" {
		path += "?" + r.Query
	}
	return "https://" + host + path
}
