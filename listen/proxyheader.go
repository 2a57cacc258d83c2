package listen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/cidr"
	"fairlead.dev/fairlead/kit/proxyproto"
	"fairlead.dev/fairlead/kit/sock"
)

// policy says from whom PROXY headers are believed (spec 1.8). A network of the
// deny list goes before one of the skip list, that before one of the allow list.
type policy struct{ allow, deny, skip *cidr.Set }

// newPolicy returns the policy of the options; nil when there is none.
func newPolicy(o *Values) (*policy, error) {
	if !o.EnableProxy {
		return nil, nil //nolint:nilnil // no policy is no mistake
	}
	p := &policy{}
	for _, list := range []struct {
		flag  string
		texts []string
		set   **cidr.Set
	}{
		{"proxy-allow-cidrs", o.ProxyAllow, &p.allow}, {"proxy-deny-cidrs", o.ProxyDeny, &p.deny}, {"proxy-skip-cidrs", o.ProxySkip, &p.skip},
	} {
		set, err := cidr.Parse(list.texts)
		if err != nil {
			return nil, fmt.Errorf("option -%s: %w", list.flag, err)
		}
		*list.set = set
	}
	return p, nil
}

// verdict is what is done with a PROXY header.
type verdict uint8

const (
	refuseHeader verdict = iota // it ends the connection
	ignoreHeader                // it is not looked for: what comes is HTTP or TLS
	useHeader                   // it says who the client is
)

// on returns what is done with headers from a.
func (p *policy) on(a netip.Addr) verdict {
	switch {
	case p == nil:
		return ignoreHeader
	case p.deny.Contains(a):
		return refuseHeader
	case p.skip.Contains(a):
		return ignoreHeader
	case p.allow.Contains(a):
		return useHeader
	}
	return refuseHeader
}

// headerTime bounds the wait for a PROXY header. It comes with the first packet;
// this is enough for that one to be lost and sent again.
const headerTime = 3 * time.Second

// origin is where a connection comes from, when a proxy in front said so.
type origin struct {
	remote, local netip.AddrPort
	known         bool
}

func (o origin) set(c *sock.Conn) {
	if o.known {
		c.SetAddresses(o.remote, o.local)
	}
}

// originOf reads the PROXY header of nc, if there may be one, and not a byte
// more.
func (l *Listener) originOf(nc net.Conn) (origin, Refusal, error) {
	v := l.cfg.Gate.policy.on(addressOf(nc))
	tcp, ok := nc.(*net.TCPConn)
	if v == ignoreHeader || !ok {
		return origin{}, Admitted, nil
	}
	_ = tcp.SetReadDeadline(time.Now().Add(headerTime))
	defer func() { _ = tcp.SetReadDeadline(time.Time{}) }()
	if v == refuseHeader {
		return origin{}, lookForHeader(tcp), nil
	}
	h, n, err := lookAtHeader(tcp)
	switch {
	case errors.Is(err, proxyproto.ErrNone):
		return origin{}, Admitted, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return origin{}, RefusedProxyTimeout, err
	case errors.Is(err, io.EOF):
		return origin{}, RefusedLeft, err
	case err != nil:
		return origin{}, RefusedProxyMalformed, err
	}
	b := buf.Get(n)
	defer buf.Put(b)
	if _, err := io.ReadFull(tcp, b[:n]); err != nil {
		return origin{}, RefusedProxyMalformed, err
	}
	return origin{remote: h.Source, local: h.Destination, known: h.Source.IsValid()}, Admitted, nil
}

// lookForHeader refuses a connection that begins with a header and must not. If
// it cannot be told in time there is none: what comes later is not taken for one.
func lookForHeader(tcp *net.TCPConn) Refusal {
	var b [12]byte
	for least := 1; ; {
		n, err := sock.Look(tcp, b[:], least)
		yes, maybe := proxyproto.Begins(b[:n])
		switch {
		case yes:
			return RefusedProxyUntrusted
		case !maybe, err != nil:
			return Admitted
		}
		least = n + 1
	}
}

// lookAtHeader parses the header at the beginning of tcp and leaves it there.
func lookAtHeader(tcp *net.TCPConn) (proxyproto.Header, int, error) {
	b := buf.Get(proxyproto.MaxBytes)
	defer buf.Put(b)
	b = b[:proxyproto.MaxBytes]
	for least := 1; ; {
		n, err := sock.Look(tcp, b, least)
		if err != nil && n == 0 {
			return proxyproto.Header{}, 0, err
		}
		h, length, perr := proxyproto.Parse(b[:n])
		if !errors.Is(perr, proxyproto.ErrShort) {
			return h, length, perr
		}
		if err != nil {
			return h, 0, err
		}
		least = n + 1
	}
}
