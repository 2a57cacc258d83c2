package http3

import (
	"strings"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// requestHead makes a request of a field section (RFC 9114 4.3.1). What it lets
// pass gives exactly one clean request in any version of HTTP.
type requestHead struct {
	req *message.Request
	lim exchange.Limits

	pseudo   [mostPseudo]string
	have     [mostPseudo]bool
	regular  bool // a field that is none was seen
	hosts    message.Hosts
	length   int64 // of Content-Length; -1: none
	cookies  []string
	cookieAt int

	expect     bool   // Expect: 100-continue
	trailersOK bool   // TE: trailers
	protocol   string // of an extended CONNECT
}

// The pseudo-header fields of requests.
const (
	pseudoMethod = iota
	pseudoScheme
	pseudoAuthority
	pseudoPath
	pseudoProtocol
)

func pseudoIndex(name string) (int, bool) {
	switch name {
	case ":method":
		return pseudoMethod, true
	case ":scheme":
		return pseudoScheme, true
	case ":authority":
		return pseudoAuthority, true
	case ":path":
		return pseudoPath, true
	case ":protocol":
		return pseudoProtocol, true
	}
	return 0, false
}

// decode fills req from a field section. The error is a *ConnError or a
// *ProtocolError; req holds what could be read.
func (h *requestHead) decode(block []byte, req *message.Request, lim exchange.Limits) error {
	*h = requestHead{req: req, lim: lim, length: -1, cookies: h.cookies[:0]}
	req.Major, req.Minor, req.Scheme = 3, 0, "https"
	err := decodeSection(block, lim, h.field)
	req.Method = h.pseudo[pseudoMethod]
	if err != nil {
		return err
	}
	h.joinCookies()
	return h.settle()
}

// field takes one field.
func (h *requestHead) field(name, value string) error {
	if strings.HasPrefix(name, ":") {
		return h.pseudoField(name, value)
	}
	h.regular = true
	if err := checkField(name, value); err != nil {
		return err
	}
	f := message.Field{Name: name, Value: value, Kind: message.KindOf(name)}
	if f.Kind != message.KindOther {
		keep, err := h.note(f)
		if !keep || err != nil {
			return err
		}
	} else if name == "cookie" {
		if len(h.cookies) == 0 {
			h.cookieAt = h.req.Header.Len()
			h.req.Header.AddField(f)
		}
		h.cookies = append(h.cookies, value)
		return nil
	}
	h.req.Header.AddField(f)
	return nil
}

func (h *requestHead) pseudoField(name, value string) error {
	i, known := pseudoIndex(name)
	switch {
	case !known:
		return message.Malformed(message.ReasonBadHeaderName, "unknown pseudo-header field %q", message.Show(name))
	case h.regular:
		return message.Malformed(message.ReasonBadHeaderName, "pseudo-header field %q behind other fields", name)
	case h.have[i]:
		return message.Malformed(message.ReasonBadHeaderName, "pseudo-header field %q twice", name)
	}
	h.pseudo[i], h.have[i] = value, true
	return nil
}

// note takes a field into account that the engine has to understand. keep says
// that it belongs to the header.
func (h *requestHead) note(f message.Field) (keep bool, err error) {
	switch f.Kind {
	case message.KindHost:
		h.hosts.Fields++
		h.hosts.Field = f.Value
	case message.KindContentLength:
		if h.length >= 0 {
			return false, message.Malformed(message.ReasonConflictingLength, "more than one Content-Length")
		}
		n, ok := message.ParseLength(f.Value)
		if !ok {
			return false, message.Malformed(message.ReasonBadContentLength, "Content-Length %q is not a number", message.Show(f.Value))
		}
		h.length = n
	case message.KindExpect:
		if !message.EqualName(f.Value, "100-continue") {
			return false, message.Malformed(message.ReasonExpectationFailed, "Expect %q", message.Show(f.Value))
		}
		h.expect = true
	case message.KindTransferEncoding:
		return false, message.Malformed(message.ReasonBadTransferEncoding, "Transfer-Encoding in HTTP/3 (RFC 9114 4.2)")
	case message.KindHopByHop:
		switch {
		case f.Name == "trailer":
			return true, nil
		case f.Name == "te" && message.EqualName(f.Value, "trailers"):
			h.trailersOK = true
			return true, nil
		}
		return false, connectionField(f.Name)
	default:
		return false, connectionField(f.Name)
	}
	return true, nil
}

func connectionField(name string) error {
	return message.Malformed(message.ReasonBadHeaderName, "the connection field %q has no place in HTTP/3 (RFC 9114 4.2)", name)
}

// joinCookies makes one field of all cookie fields (RFC 9114 4.2.1): there is no
// more than one in HTTP/1.
func (h *requestHead) joinCookies() {
	if len(h.cookies) < 2 {
		return
	}
	fields := h.req.Header.Fields()
	fields[h.cookieAt].Value = strings.Join(h.cookies, "; ")
	clear(h.cookies)
}

// settle checks the pseudo-header fields and sets what follows from all fields.
func (h *requestHead) settle() error {
	method := h.pseudo[pseudoMethod]
	switch {
	case !message.IsToken(method) || len(method) > message.LongestMethod:
		return message.Malformed(message.ReasonBadMethod, ":method %q", message.Show(method))
	case h.req.Header.Len() > h.lim.Fields:
		return message.Malformed(message.ReasonTooManyHeaders, "more than %d header fields", h.lim.Fields)
	case method == "CONNECT" && !h.have[pseudoProtocol]:
		return message.Malformed(message.ReasonConnectRefused, "CONNECT: this is not a forward proxy")
	case h.have[pseudoProtocol]:
		if err := h.extended(method); err != nil {
			return err
		}
	}
	if scheme := h.pseudo[pseudoScheme]; !message.EqualName(scheme, "https") {
		return message.Malformed(message.ReasonBadTarget, ":scheme %q, expected https", message.Show(scheme))
	}
	if err := h.settleTarget(); err != nil {
		return err
	}
	h.req.ContentLength = h.length
	return nil
}

// extended takes an extended CONNECT for the upgrade that it stands for (RFC
// 9220).
func (h *requestHead) extended(method string) error {
	p := h.pseudo[pseudoProtocol]
	switch {
	case method != "CONNECT":
		return message.Malformed(message.ReasonBadMethod, ":protocol with method %q", message.Show(method))
	case p != "websocket":
		return message.Malformed(message.ReasonUpgradeRefused, ":protocol %q, only websocket is understood", message.Show(p))
	case h.length > 0 || h.expect:
		return message.Malformed(message.ReasonUpgradeRefused, "Content-Length or Expect with an extended CONNECT")
	}
	h.protocol, h.req.Method = p, "GET"
	return nil
}

// settleTarget sets path, query and host.
func (h *requestHead) settleTarget() error {
	path := h.pseudo[pseudoPath]
	switch {
	case path == "*" && h.req.Method == "OPTIONS":
		h.req.Path, h.req.RawPath = "*", "*"
	case path == "" || path[0] != '/':
		return message.Malformed(message.ReasonBadTarget, ":path %q does not start with a slash", message.Show(path))
	default:
		if err := message.CheckTarget(path, h.lim.LineBytes); err != nil {
			return err
		}
		if err := h.req.SetTarget(path); err != nil {
			return err
		}
	}
	h.hosts.Authority, h.hosts.HasAuthority = h.pseudo[pseudoAuthority], h.have[pseudoAuthority]
	host, err := h.hosts.Settle()
	h.req.Host = host
	if err == nil && host == "" {
		return message.Malformed(message.ReasonMissingHost, "neither :authority nor Host")
	}
	return err
}
