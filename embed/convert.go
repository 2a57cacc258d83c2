package embed

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// newRequest returns the request of c as net/http has it. It shares nothing with
// the exchange but its body.
func newRequest(ctx context.Context, c *filter.Context, body *inbound) *http.Request {
	m := c.Request
	if m.Local.IsValid() {
		ctx = context.WithValue(ctx, http.LocalAddrContextKey, net.TCPAddrFromAddrPort(m.Local))
	}
	r := (&http.Request{
		Method: strings.Clone(m.Method), Host: strings.Clone(m.Host), RemoteAddr: m.Remote.String(), TLS: m.TLS,
		ProtoMajor: int(m.Major), ProtoMinor: int(m.Minor), Proto: fmt.Sprintf("HTTP/%d.%d", m.Major, m.Minor),
		URL:           &url.URL{Path: strings.Clone(m.Path), RawPath: strings.Clone(m.RawPath), RawQuery: strings.Clone(m.Query)},
		ContentLength: m.ContentLength, Body: http.NoBody,
		Header: fields(&m.Header),
	}).WithContext(ctx)
	r.RequestURI = r.URL.RequestURI()
	if m.Body != nil {
		r.Body = body
	}
	for _, p := range c.Params {
		r.SetPathValue(strings.Clone(p.Name), strings.Clone(p.Value))
	}
	return r
}

// fields returns the fields of h that are about the message and not about its
// framing or connection.
func fields(h *message.Header) http.Header {
	out := http.Header{}
	for _, f := range h.Fields() {
		if f.Kind == message.KindOther {
			name := http.CanonicalHeaderKey(strings.Clone(f.Name))
			out[name] = append(out[name], strings.Clone(f.Value))
		}
	}
	return out
}

// headerOf returns the fields of a response, with its length.
func headerOf(resp *message.Response) http.Header {
	h := fields(&resp.Header)
	if resp.ContentLength > 0 || resp.ContentLength == 0 && resp.Body == nil && !bodiless(resp.Status) {
		h.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	return h
}

// addHeader adds what was written to h, sorted by name.
func addHeader(h *message.Header, from http.Header) {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if !settable(name) {
			continue
		}
		for _, v := range from[name] {
			h.Add(name, v)
		}
	}
}

// changeHeader makes the difference between before and after in h.
func changeHeader(h *message.Header, before, after http.Header) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if settable(name) && !slices.Equal(before[name], after[name]) {
			h.Del(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !settable(name) || slices.Equal(before[name], after[name]) {
			continue
		}
		for _, v := range after[name] {
			h.Add(name, v)
		}
	}
}

// settable reports whether a middleware may set the field: those that frame the
// message are written from what it is, those of a connection never.
func settable(name string) bool {
	return message.IsToken(name) && message.KindOf(name) == message.KindOther && !strings.HasPrefix(name, http.TrailerPrefix)
}

// snapshotted is a request as the middleware got it.
type snapshotted struct {
	method, host, target string
	header               http.Header
}

func snapshot(r *http.Request) snapshotted {
	return snapshotted{method: r.Method, host: r.Host, target: r.URL.RequestURI(), header: r.Header.Clone()}
}

// apply changes the request of c as the middleware changed r.
func (s snapshotted) apply(c *filter.Context, r *http.Request) error {
	m := c.Request
	if r.Method != s.method {
		if !message.IsToken(r.Method) {
			return fmt.Errorf("found the method %q, expected a token", r.Method)
		}
		m.Method = r.Method
	}
	if target := r.URL.RequestURI(); target != s.target {
		if !strings.HasPrefix(target, "/") {
			return fmt.Errorf("found the target %q, expected a path", target)
		}
		if err := message.CheckTarget(target, 64<<10); err != nil {
			return err
		}
		if err := m.SetTarget(target); err != nil {
			return err
		}
	}
	if r.Host != s.host {
		if !filter.ValidHost(r.Host) {
			return fmt.Errorf("found the host %q, expected a name or an address with an optional port", r.Host)
		}
		m.Header.Set("Host", r.Host)
		c.Upstream.Host = r.Host
	}
	changeHeader(&m.Header, s.header, r.Header)
	return nil
}
