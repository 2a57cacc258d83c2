package proxy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/message"
)

// forwarded sets the X-Forwarded-* fields that -forwarded-headers asks for.
type forwarded struct {
	on, forFirst, forLast, host, method, uri bool
	port, proto                              string // "auto", or the value
	exclude                                  []netip.Prefix
}

func newForwarded(o *Values) (forwarded, error) {
	var f forwarded
	for _, item := range o.Forwarded {
		name, value, hasValue := strings.Cut(strings.TrimSpace(item), "=")
		if name == "" {
			continue
		}
		f.on = true
		if err := f.ask(name, value, hasValue); err != nil {
			return f, fmt.Errorf("-forwarded-headers: %w", err)
		}
	}
	for _, item := range o.ForwardedExclude {
		p, err := netip.ParsePrefix(strings.TrimSpace(item))
		if err != nil {
			return f, fmt.Errorf("-forwarded-headers-exclude-cidrs: found %q, expected a network such as 10.0.0.0/8", item)
		}
		f.exclude = append(f.exclude, p.Masked())
	}
	return f, nil
}

func (f *forwarded) ask(name, value string, hasValue bool) error {
	switch strings.ToLower(name) {
	case "x-forwarded-for":
		f.forLast = true
	case "x-forwarded-for-first":
		f.forFirst = true
	case "x-forwarded-host":
		f.host = true
	case "x-forwarded-method":
		f.method = true
	case "x-forwarded-uri":
		f.uri = true
	case "x-forwarded-port":
		if n, err := strconv.ParseUint(value, 10, 16); value != "auto" && (err != nil || n == 0) {
			return fmt.Errorf("X-Forwarded-Port: found %q, expected a port or auto", value)
		}
		f.port = value
		return nil
	case "x-forwarded-proto":
		if value != "http" && value != "https" && value != "auto" {
			return fmt.Errorf("X-Forwarded-Proto: found %q, expected http, https or auto", value)
		}
		f.proto = value
		return nil
	default:
		return fmt.Errorf("unknown field %q, expected X-Forwarded-For, -Host, -Method, -Uri, -Port=<port|auto> or -Proto=<http|https|auto>", name)
	}
	if hasValue {
		return fmt.Errorf("%s takes no value, found %q", name, value)
	}
	return nil
}

// apply sets the fields on a request from a client that is not excluded.
func (f *forwarded) apply(r *message.Request) {
	if !f.on || f.excluded(r.Remote.Addr()) {
		return
	}
	f.applyFor(r)
	if f.host {
		r.Header.Set("X-Forwarded-Host", r.Host)
	}
	if f.method {
		r.Header.Set("X-Forwarded-Method", r.Method)
	}
	if f.uri {
		uri := r.RawPath
		if r.Query != "" {
			uri += "?" + r.Query
		}
		r.Header.Set("X-Forwarded-Uri", uri)
	}
	switch f.port {
	case "":
	case "auto":
		r.Header.Set("X-Forwarded-Port", strconv.Itoa(int(r.Local.Port())))
	default:
		r.Header.Set("X-Forwarded-Port", f.port)
	}
	switch f.proto {
	case "":
	case "auto":
		r.Header.Set("X-Forwarded-Proto", r.Scheme)
	default:
		r.Header.Set("X-Forwarded-Proto", f.proto)
	}
}

func (f *forwarded) applyFor(r *message.Request) {
	if !f.forLast && !f.forFirst || !r.Remote.IsValid() {
		return
	}
	var chain []string
	for v := range r.Header.Values("X-Forwarded-For") {
		chain = append(chain, v)
	}
	client := r.Remote.Addr().String()
	if f.forFirst {
		chain = append([]string{client}, chain...)
	} else {
		chain = append(chain, client)
	}
	r.Header.Set("X-Forwarded-For", strings.Join(chain, ", "))
}

func (f *forwarded) excluded(a netip.Addr) bool {
	for _, p := range f.exclude {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
