package fastcgi

import (
	"path"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// DefaultScript runs when the route names no file (as with the peer).
const DefaultScript = "index.php"

// appendRequest appends what comes before the body of req: BEGIN_REQUEST and the
// parameters.
func appendRequest(b []byte, req *message.Request, o *exchange.SendOptions, keep bool) []byte {
	mem := buf.Get(buf.Small)
	p := paramList{mem[:0]}
	p.server(req, o)
	p.script(req, o.Script)
	p.fields(req, o)
	b = appendEnd(appendStream(appendBegin(b, keep), params, p.b), params)
	if cap(p.b) == cap(mem) {
		buf.Put(mem)
	}
	return b
}

// paramList is the content of PARAMS records.
type paramList struct{ b []byte }

// add adds a parameter whose value is the parts, one behind the other.
func (p *paramList) add(name string, parts ...string) {
	n := 0
	for _, s := range parts {
		n += len(s)
	}
	p.b = append(appendLength(appendLength(p.b, len(name)), n), name...)
	for _, s := range parts {
		p.b = append(p.b, s...)
	}
}

// text adds a short parameter.
func (p *paramList) text(name string, value []byte) {
	p.b = append(appendLength(appendLength(p.b, len(name)), len(value)), name...)
	p.b = append(p.b, value...)
}

// server adds the parameters about connection and request line (RFC 3875 4.1) and
// those that web servers add by custom.
func (p *paramList) server(req *message.Request, o *exchange.SendOptions) {
	p.add("GATEWAY_INTERFACE", "CGI/1.1")
	p.add("SERVER_SOFTWARE", "Fairlead")
	var mem [64]byte
	short := mem[:0]
	p.text("SERVER_PROTOCOL", append(short, 'H', 'T', 'T', 'P', '/', '0'+req.Major, '.', '0'+req.Minor))
	p.add("SERVER_NAME", hostOnly(o.Host))
	if a := req.Local; a.IsValid() {
		p.text("SERVER_ADDR", a.Addr().Unmap().AppendTo(short))
		p.text("SERVER_PORT", strconv.AppendUint(short, uint64(a.Port()), 10))
	}
	if a := req.ClientIP(); a.IsValid() {
		p.text("REMOTE_ADDR", a.AppendTo(short))
		p.text("REMOTE_PORT", strconv.AppendUint(short, uint64(req.Remote.Port()), 10))
	}
	p.add("REQUEST_METHOD", req.Method)
	p.add("REQUEST_SCHEME", req.Scheme)
	if req.Scheme == "https" {
		p.add("HTTPS", "on")
	}
	if req.Query == "" {
		p.add("REQUEST_URI", req.RawPath)
	} else {
		p.add("REQUEST_URI", req.RawPath, "?", req.Query)
	}
	p.add("DOCUMENT_URI", req.Path)
	p.add("QUERY_STRING", req.Query)
	p.add("REDIRECT_STATUS", "200") // php refuses to run without, where it is built to
	if req.Body != nil {
		p.text("CONTENT_LENGTH", strconv.AppendInt(short, req.ContentLength, 10))
	}
	if v := req.Header.Get("Content-Type"); v != "" {
		p.add("CONTENT_TYPE", v)
	}
}

// script adds what the path of the request means to the program: SCRIPT_NAME is
// the file, as if it stood at the root, and what follows it in the path is
// PATH_INFO.
func (p *paramList) script(req *message.Request, file string) {
	if file == "" {
		file = DefaultScript
	}
	name := path.Base(file)
	p.add("SCRIPT_FILENAME", file)
	p.add("SCRIPT_NAME", "/", name)
	p.add("DOCUMENT_ROOT", path.Dir(file))
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(req.Path, "/"), name); ok && strings.HasPrefix(rest, "/") {
		p.add("PATH_INFO", rest)
	}
}

// fields adds the header fields as HTTP_ parameters (RFC 3875 4.1.18), several of
// one name in one.
func (p *paramList) fields(req *message.Request, o *exchange.SendOptions) {
	p.add("HTTP_HOST", o.Host)
	all := req.Header.Fields()
	for i, f := range all {
		if f.Kind != message.KindOther || !passes(f.Name, o) || named(all[:i], f.Name) {
			continue
		}
		separator := ", "
		if message.EqualName(f.Name, "Cookie") {
			separator = "; " // RFC 9113 8.2.3
		}
		value := f.Value
		for _, other := range all[i+1:] {
			if message.EqualName(other.Name, f.Name) {
				value += separator + other.Value
			}
		}
		p.field(f.Name, value)
	}
}

// field adds HTTP_NAME for a field.
func (p *paramList) field(name, value string) {
	const prefix = "HTTP_"
	p.b = appendLength(appendLength(p.b, len(prefix)+len(name)), len(value))
	p.b = append(p.b, prefix...)
	for _, c := range []byte(name) {
		switch {
		case c == '-':
			c = '_'
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		p.b = append(p.b, c)
	}
	p.b = append(p.b, value...)
}

// passes reports whether a field becomes a parameter.
func passes(name string, o *exchange.SendOptions) bool {
	for _, c := range []byte(name) {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	switch len(name) {
	case len("Proxy"):
		return !message.EqualName(name, "Proxy")
	case len("Content-Type"):
		return !message.EqualName(name, "Content-Type")
	case len("Proxy-Authenticate"), len("Proxy-Authorization"):
		return !o.RemoveHopFields || !message.EqualName(name, "Proxy-Authenticate") && !message.EqualName(name, "Proxy-Authorization")
	}
	return true
}

// named reports whether one of the fields is called name.
func named(fields []message.Field, name string) bool {
	for i := range fields {
		if message.EqualName(fields[i].Name, name) {
			return true
		}
	}
	return false
}

// hostOnly returns a host without its port.
func hostOnly(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}
