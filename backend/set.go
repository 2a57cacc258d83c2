package backend

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fairlead.dev/fairlead/kit/suggest"
)

// Set holds the endpoints that are in use. Whoever names the same scheme,
// authority and zone shares one Endpoint, so its counters tell the whole load.
// The zero Set is ready; it is safe for concurrent use.
type Set struct {
	mu      sync.Mutex
	members map[key]*member
}

// key is an endpoint as configured. The authority belongs to it, not only the
// address: "http://a" and "http://a:80" send different Host fields.
type key struct{ scheme, authority, zone string }

type member struct {
	Endpoint
	users int
}

// Acquire returns the endpoint for an address of the form scheme://host[:port]
// in zone ("" when unknown) and counts one more user of it. Path, query and
// user information of the address are ignored (spec 1.4); a port that is not
// written is the scheme's own. The error quotes the address and says what is
// wrong with it.
func (s *Set) Acquire(address, zone string) (*Endpoint, error) {
	t, err := parseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("backend address %q: %w", address, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.members[key{t.scheme, t.authority, zone}]
	if m == nil {
		m = s.add(t, zone)
	}
	m.users++
	return &m.Endpoint, nil
}

func (s *Set) add(t target, zone string) *member {
	if s.members == nil {
		s.members = map[key]*member{}
	}
	// The configured text may be a piece of a whole document: keep only ours.
	address := t.authority + t.defaultPort
	authority := address[:len(t.authority)]
	if t.defaultPort == "" {
		authority = strings.Clone(authority)
		address = authority
	}
	m := &member{Endpoint: Endpoint{Scheme: t.scheme, Address: address, Authority: authority, Zone: strings.Clone(zone)}}
	m.SetCreated(time.Now())
	s.members[key{m.Scheme, m.Authority, m.Zone}] = m
	return m
}

// Release takes back one Acquire. When nobody uses the endpoint any more it
// leaves the set and its transport is closed; requests still on their way may
// go on using it.
func (s *Set) Release(e *Endpoint) error {
	if !s.release(e) {
		return nil
	}
	if h := e.Health(); h != nil {
		h.Forget()
	}
	t := e.Transport()
	if t == nil {
		return nil
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("close connections to %q: %w", e.Address, err)
	}
	return nil
}

// release reports whether e left the set.
func (s *Set) release(e *Endpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{e.Scheme, e.Authority, e.Zone}
	m := s.members[k]
	if m == nil || &m.Endpoint != e {
		return false
	}
	m.users--
	if m.users > 0 {
		return false
	}
	delete(s.members, k)
	return true
}

// Each calls do with every endpoint in use as of now, in no order. do must not call
// the set.
func (s *Set) Each(do func(*Endpoint)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		do(&m.Endpoint)
	}
}

// Len returns the number of endpoints in use.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.members)
}

// All returns the endpoints in use as of now, sorted by scheme, authority and
// zone.
func (s *Set) All() []*Endpoint {
	s.mu.Lock()
	all := make([]*Endpoint, 0, len(s.members))
	for _, m := range s.members {
		all = append(all, &m.Endpoint)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *Endpoint) int {
		if c := strings.Compare(a.Scheme, b.Scheme); c != 0 {
			return c
		}
		if c := strings.Compare(a.Authority, b.Authority); c != 0 {
			return c
		}
		return strings.Compare(a.Zone, b.Zone)
	})
	return all
}

// target is a checked address.
type target struct {
	scheme    string
	authority string // as configured
	// defaultPort is what the authority lacks to be an address: ":80", or ""
	// when a port is written.
	defaultPort string
}

// schemes are the known ones with their default ports; "" means that the port
// must be written.
var schemes = [...]struct{ name, port string }{
	{"http", ":80"}, {"https", ":443"}, {"h2c", ":80"}, {"fastcgi", ""},
}

func parseAddress(address string) (target, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return target{}, errors.New("no scheme, expected one like http://host:port")
	}
	scheme, port, err := findScheme(scheme)
	if err != nil {
		return target{}, err
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	host, written, err := splitPort(rest)
	if err != nil {
		return target{}, err
	}
	if err := checkHost(host); err != nil {
		return target{}, err
	}
	switch {
	case written:
		port = ""
	case port == "":
		return target{}, fmt.Errorf("%s has no default port: write %s://%s:9000, with the port meant", scheme, scheme, host)
	}
	return target{scheme: scheme, authority: rest, defaultPort: port}, nil
}

func findScheme(name string) (scheme, port string, err error) {
	for _, s := range schemes {
		if strings.EqualFold(s.name, name) {
			return s.name, s.port, nil
		}
	}
	known := make([]string, len(schemes))
	for i, s := range schemes {
		known[i] = s.name
	}
	hint := ""
	if n := suggest.Nearest(name, known); n != "" {
		hint = fmt.Sprintf(", did you mean %q?", n)
	}
	return "", "", fmt.Errorf("unknown scheme %q, expected one of %s%s", name, strings.Join(known, ", "), hint)
}

// splitPort cuts the port off an authority and checks it. The host keeps its
// brackets.
func splitPort(authority string) (host string, written bool, err error) {
	i := strings.LastIndexByte(authority, ':')
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return "", false, errors.New(`"[" without "]"`)
		}
		if i < end {
			i = -1
		}
		if after := authority[end+1:]; after != "" && after[0] != ':' {
			return "", false, fmt.Errorf(`found %q after "]", expected a port`, after)
		}
	} else if i >= 0 && strings.IndexByte(authority, ':') != i {
		return "", false, fmt.Errorf("an IPv6 address is written in brackets: [%s]", authority)
	}
	if i < 0 {
		return authority, false, nil
	}
	port := authority[i+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false, fmt.Errorf("port %q, expected a number from 1 to 65535", port)
	}
	return authority[:i], true, nil
}

func checkHost(host string) error {
	if host == "" {
		return errors.New("no host")
	}
	if inside, ok := strings.CutPrefix(host, "["); ok {
		inside = strings.TrimSuffix(inside, "]")
		if a, err := netip.ParseAddr(inside); err != nil || !a.Is6() || a.Zone() != "" {
			return fmt.Errorf("%q in brackets, expected an IPv6 address without a zone", inside)
		}
		return nil
	}
	for i := range len(host) {
		c := host[i]
		if c >= 0x80 {
			return fmt.Errorf("host %q has letters outside ASCII: write the name in its xn-- form", host)
		}
		if !isHostByte(c) {
			return fmt.Errorf("host %q has the character %q, which no host name has", host, c)
		}
	}
	return nil
}

func isHostByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
}
