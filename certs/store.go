package certs

import (
	"crypto/tls"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Store holds the certificates that are served, each under the origin that
// brought it, and finds the one for a ClientHello. Reading takes no lock.
type Store struct {
	strict bool
	log    *slog.Logger

	mu       sync.Mutex // of what index is made from
	origins  map[string][]*Certificate
	defaults []*Certificate

	index   atomic.Pointer[index]
	unknown atomic.Uint64
	told    seldom
}

// index is a Store at one moment; it never changes. Each list is in the order of
// better.
type index struct {
	exact, wild map[string][]*Certificate
	defaults    []*Certificate
}

// NewStore returns an empty Store. A strict one refuses clients that ask for no
// name or for one that it does not have.
func NewStore(strict bool, log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{strict: strict, log: log, origins: map[string][]*Certificate{}, told: seldom{every: 10 * time.Second}}
	s.index.Store(&index{})
	return s
}

// Set replaces all certificates of origin; with none, the origin is gone.
// Handshakes that began keep what they have.
func (s *Store) Set(origin string, certs []*Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origins[origin] = slices.Clone(certs)
	if len(certs) == 0 {
		delete(s.origins, origin)
	}
	s.publish()
}

// SetDefault sets what clients get that ask for no name, or for an unknown one:
// the best of certs that they can use.
func (s *Store) SetDefault(certs []*Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.defaults = slices.Clone(certs)
	s.publish()
}

// publish makes the index anew; s.mu is held.
func (s *Store) publish() {
	x := &index{exact: map[string][]*Certificate{}, wild: map[string][]*Certificate{}}
	add := func(to map[string][]*Certificate, names []string, c *Certificate) {
		for _, n := range names {
			if !slices.Contains(to[n], c) {
				to[n] = append(to[n], c)
			}
		}
	}
	for _, certs := range s.origins {
		for _, c := range certs {
			add(x.exact, c.exact, c)
			add(x.wild, c.wild, c)
		}
	}
	for _, m := range []map[string][]*Certificate{x.exact, x.wild} {
		for _, list := range m {
			slices.SortStableFunc(list, better)
		}
	}
	x.defaults = slices.Clone(s.defaults)
	slices.SortStableFunc(x.defaults, better)
	s.index.Store(x)
}

// Get chooses the certificate for a ClientHello, for tls.Config.GetCertificate.
// It returns neither a certificate nor an error for a name that is refused:
// crypto/tls then sends the alert unrecognized_name (RFC 6066 3), provided that
// tls.Config.Certificates is empty.
func (s *Store) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	x := s.index.Load()
	name := lower(hello.ServerName)
	if c := x.find(hello, strings.TrimSuffix(name, ".")); c != nil {
		return &c.tls, nil
	}
	if !s.strict {
		if c := pick(hello, x.defaults, nil); c != nil {
			if name != "" {
				s.miss(hello, false)
			}
			return &c.tls, nil
		}
	}
	s.miss(hello, true)
	return nil, nil //nolint:nilnil // see above
}

// find returns the best certificate for a name in lower case, or nil.
func (x *index) find(hello *tls.ClientHelloInfo, name string) *Certificate {
	exact := x.exact[name]
	var wild []*Certificate
	// A wildcard stands for one whole label (RFC 9525 6.3). What is no label
	// must not slip through it: the exact names are host names already.
	if label, base, ok := strings.Cut(name, "."); ok && isLabel(label) {
		wild = x.wild[base]
	}
	return pick(hello, exact, wild)
}

// pick returns the first certificate that is valid now and that the client can
// use, or else one that it can use, or else the first of all; nil of none.
func pick(hello *tls.ClientHelloInfo, first, second []*Certificate) *Certificate {
	switch {
	case len(first)+len(second) == 0:
		return nil
	case len(first) == 0:
		first, second = second, nil
	}
	if len(first)+len(second) == 1 {
		return first[0]
	}
	// The name was compared already, and a default has another one on purpose.
	nameless := *hello
	nameless.ServerName = ""
	now := time.Now()
	best, usable := first[0], false
	for _, list := range [2][]*Certificate{first, second} {
		for _, c := range list {
			valid := c.validAt(now)
			if usable && !valid || nameless.SupportsCertificate(&c.tls) != nil {
				continue
			}
			if valid {
				return c
			}
			best, usable = c, true
		}
	}
	return best
}

// miss counts a name that is not known and tells of it now and then: clients
// choose the names, and how often they ask.
func (s *Store) miss(hello *tls.ClientHelloInfo, refused bool) {
	s.unknown.Add(1)
	missed, ok := s.told.now(time.Now())
	if !ok {
		return
	}
	const most = 100
	name := hello.ServerName
	if len(name) > most {
		name = name[:most] + "..."
	}
	var client string
	if hello.Conn != nil {
		client = hello.Conn.RemoteAddr().String()
	}
	s.log.Warn("a client asks for a name without a certificate", "name", name, "client", client,
		"refused", refused, "not_logged", missed)
}

// Unknown returns how many clients asked for a name without a certificate.
func (s *Store) Unknown() uint64 { return s.unknown.Load() }

// Status tells about all certificates, in the order of their origins.
func (s *Store) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Status
	for _, origin := range slices.Sorted(maps.Keys(s.origins)) {
		for _, c := range s.origins[origin] {
			all = append(all, c.status(origin))
		}
	}
	return all
}

// seldom says yes once in a while, for logs of what others cause.
type seldom struct {
	every time.Duration
	next  atomic.Int64 // in nanoseconds since 1970
	left  atomic.Uint64
}

// now reports whether it is time again, and how often it was not since.
func (s *seldom) now(now time.Time) (missed uint64, ok bool) {
	next := s.next.Load()
	if now.UnixNano() < next || !s.next.CompareAndSwap(next, now.Add(s.every).UnixNano()) {
		s.left.Add(1)
		return 0, false
	}
	return s.left.Swap(0), true
}
