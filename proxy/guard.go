package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"

	"fairlead.dev/fairlead/kit/cidr"
	"fairlead.dev/fairlead/message"
)

// guard keeps the targets that requests choose away from what stands behind the
// proxy's back: the machine itself, its neighbours on the link, the metadata
// services of clouds, our own ports. It looks at the address that is dialled, so
// that no name, and no name server that changes its mind, leads around it.
type guard struct {
	refused, allowed *cidr.Set
	names            []string // allowed; ".example.org" for all below

	mu   sync.Mutex
	own  []uint16 // ports that no local address may be asked at
	more []netip.AddrPort
}

// refusedNetworks are what no request may choose: "this" network, loopback,
// link-local (with the usual metadata address), metadata services elsewhere,
// multicast, reserved (RFC 6890), and NAT64 of local use (RFC 8215).
func refusedNetworks() []string {
	return []string{
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
		"100.100.100.200", "168.63.129.16", "192.0.0.0/24",
		"::/128", "::1/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32", "64:ff9b:1::/48",
	}
}

func newGuard(allow []string) (*guard, error) {
	refused, err := cidr.Parse(refusedNetworks())
	if err != nil {
		return nil, fmt.Errorf("networks that dynamic backends must not reach: %w", err)
	}
	g := &guard{refused: refused}
	var networks []string
	for _, item := range allow {
		item = strings.TrimSpace(item)
		name := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(item, "*."), "."))
		switch _, err := cidr.ParsePrefix(item); {
		case item == "":
		case err == nil:
			networks = append(networks, item)
		case name == "" || strings.ContainsAny(name, "/:* ") || !message.ValidHost(name) || !strings.ContainsAny(name, "abcdefghijklmnopqrstuvwxyz"):
			return nil, fmt.Errorf("-dynamic-backend-allow: found %q, expected a network such as 127.0.0.0/8, a host name or *.example.org", item)
		default:
			if strings.HasPrefix(item, "*.") {
				name = "." + name
			}
			g.names = append(g.names, name)
		}
	}
	g.allowed, err = cidr.Parse(networks)
	return g, err
}

// allowsName reports whether the configuration allows the host of authority,
// whatever its addresses are.
func (g *guard) allowsName(authority string) bool {
	if strings.ContainsAny(authority, "/?#@") {
		return false // the host is not what it ends in
	}
	host := normalizeHost(authority)
	return slices.ContainsFunc(g.names, func(name string) bool {
		return host == name || name[0] == '.' && strings.HasSuffix(host, name)
	})
}

// control is called by package net with each address before it connects.
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, message.ReasonTargetRefused)
	}
	return g.check(netip.AddrPortFrom(to.Addr().Unmap().WithZone(""), to.Port()))
}

// check says why nobody may be sent to an address, nil when everybody may.
func (g *guard) check(to netip.AddrPort) error {
	if g.allowed.Contains(to.Addr()) {
		return nil
	}
	for a, ok := to.Addr(), true; ok; a, ok = inside(a) {
		if g.refused.Contains(a) {
			return fmt.Errorf("%v (-dynamic-backend-allow lists what may be reached all the same): %w", to, message.ReasonTargetRefused)
		}
	}
	own, err := g.isOwn(to)
	if own || err != nil {
		return fmt.Errorf("%v is a port of this process: %w", to, message.ReasonTargetRefused)
	}
	return nil
}

// inside returns the IPv4 address that an IPv6 address stands for: IPv4-mapped
// and -compatible (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC
// 4380).
func inside(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	v4 := func(p []byte) (netip.Addr, bool) { return netip.AddrFromSlice(p) }
	switch {
	case a.Is4In6(), [12]byte(b[:12]) == [12]byte{}, [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}:
		return v4(b[12:])
	case b[0] == 0x20 && b[1] == 0x02:
		return v4(b[2:6])
	case [4]byte(b[:4]) == [4]byte{0x20, 0x01}:
		return v4([]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	return netip.Addr{}, false
}

// isOwn reports whether this process, or another one that must not be reached,
// listens there.
func (g *guard) isOwn(to netip.AddrPort) (bool, error) {
	g.mu.Lock()
	port, listed := slices.Contains(g.own, to.Port()), slices.Contains(g.more, to)
	g.mu.Unlock()
	if listed || !port {
		return listed, nil
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		return ok && ip.Unmap() == to.Addr()
	}), nil
}

// protect refuses an address to requests, and its port on every address of this
// machine when it is one of ours.
func (g *guard) protect(at netip.AddrPort, ours bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ours {
		g.own = append(g.own, at.Port())
		return
	}
	g.more = append(g.more, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
}

// Protect keeps requests from choosing the address of a listener of this process
// as their backend.
func (p *Proxy) Protect(listener net.Addr) {
	if at, err := netip.ParseAddrPort(listener.String()); err == nil {
		p.guard.protect(at, true)
	}
}

// ProtectOther does so for an address elsewhere, such as that of the API server.
func (p *Proxy) ProtectOther(at netip.AddrPort) { p.guard.protect(at, false) }
