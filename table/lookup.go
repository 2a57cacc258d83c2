package table

import (
	"strings"

	"fairlead.dev/fairlead/kit/btree"
	"fairlead.dev/fairlead/message"
)

// Lookup returns the route for req, or nil when there is none. path is the
// decoded, cleaned path of the request (message.CleanPath). The values that the
// route's path pattern takes from it are appended to params, in path order.
//
// It allocates only when params has no room, or when a value has "%" or "+" in
// it.
func (t *Table) Lookup(req *message.Request, path string, params message.Params) (*Route, message.Params) {
	s := search{table: t, req: req}
	path = t.normal(path)
	e := s.find(path)
	if e == nil {
		return nil, params
	}
	if e.place != nowhere {
		params = e.bind(path, params)
	}
	return e.route, params
}

// normal makes sure that path starts with a slash and applies the options.
func (t *Table) normal(path string) string {
	if path == "" || path[0] != '/' {
		path = message.CleanPath(path)
	}
	if t.options.IgnoreTrailingSlash && len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// maxRuns is how many runs of slots one tree position can have: for each of its
// two sets three spellings of the host, the domains above it and the routes
// without a host.
const maxRuns = 2 * (3 + maxLabels + 1)

// search is the state of one lookup.
type search struct {
	table *Table
	req   *message.Request
	host  hostKeys
	runs  [maxRuns]run
	n     int // runs in use
	trace *trace
}

// run is what remains to be tried of the slots with one key.
type run struct {
	set *set
	at  btree.Cursor[slot]
}

// find returns the entry that wins, or nil.
func (s *search) find(path string) *entry {
	if s.table.tree != nil {
		if e := s.walk(s.table.tree, path); e != nil {
			return e
		}
	}
	return s.match(&s.table.pathless, nil)
}

// walk tries the positions below n that match path, which is empty or starts
// with a slash, nearest first: literal segment, ":" wildcard, free wildcard
// (spec 1.6, step 2). When the routes of a position do not match otherwise, the
// next is tried. A node has one way from the root, so no lookup sees a node
// twice, however it backtracks.
func (s *search) walk(n *node, path string) *entry {
	if path == "" {
		return s.match(n.set(here), n.set(subtree))
	}
	seg, rest := nextSegment(path)
	c := n.child(s.table.hash, seg)
	if seg == "" && rest == "" {
		return s.match(c.set(here), n.set(subtree))
	}
	if c != nil {
		if e := s.walk(c, rest); e != nil {
			return e
		}
	}
	if n.param != nil && seg != "" {
		if e := s.walk(n.param, rest); e != nil {
			return e
		}
	}
	return s.match(n.set(below), n.set(subtree))
}

// match returns the first entry of one tree position that matches.
func (s *search) match(a, b *set) *entry {
	s.n = 0
	s.open(a)
	s.open(b)
	for s.n > 0 {
		i := s.next()
		it := s.runs[i].at.Item()
		if s.accept(it) {
			return it.Value.entry
		}
		s.advance(i, it.Key)
	}
	return nil
}

// open adds the runs of a set that the request's host reaches.
func (s *search) open(a *set) {
	if a == nil || a.slots.Empty() {
		return
	}
	s.add(a, 0)
	if !a.hosts {
		return
	}
	h := &s.host
	h.init(s.table.hash, s.req.Host)
	for i := range h.n {
		s.add(a, h.exact[i])
	}
	for labels, n := a.labels, 0; labels != 0; labels, n = labels>>1, n+1 {
		if labels&1 == 0 {
			continue
		}
		if key := h.domain(s.table.hash, n); key != 0 {
			s.add(a, key)
		}
	}
}

func (s *search) add(a *set, key uint64) {
	at := a.slots.Seek(key)
	if at.Valid() && at.Item().Key == key {
		s.runs[s.n] = run{a, at}
		s.n++
	}
}

// next returns the index of the run whose first slot is to be tried.
func (s *search) next() int {
	best := 0
	for i := 1; i < s.n; i++ {
		if s.runs[i].at.Item().Value.before(s.runs[best].at.Item().Value.entry) {
			best = i
		}
	}
	return best
}

// advance takes the first slot off run i.
func (s *search) advance(i int, key uint64) {
	r := &s.runs[i]
	r.at = r.set.slots.Next(r.at)
	if !r.at.Valid() || r.at.Item().Key != key {
		s.n--
		*r = s.runs[s.n]
	}
}

// accept reports whether the request meets the conditions of a slot. The host
// is compared even though it was found under its key, which is only a hash.
func (s *search) accept(it *btree.Item[slot]) bool {
	e := it.Value.entry
	if it.Key != 0 && !e.hosts[it.Value.host].Match(s.req.Host) {
		return false
	}
	if s.trace != nil {
		s.trace.add(e)
		return false // and see what else there is
	}
	return e.match(s.req)
}

// hostKeys are the keys under which the routes of a host may stand.
type hostKeys struct {
	ready bool
	base  string // without port and trailing dot
	exact [3]uint64
	n     int

	// starts says where the last 1, 2, ... labels of base begin, and domains
	// holds their keys: 0 until asked for.
	starts  [maxLabels]int
	labels  int // starts that are known; -1 before they were looked for
	domains [maxLabels]uint64
}

func (h *hostKeys) init(hash hash, host string) {
	if h.ready {
		return
	}
	h.ready, h.labels = true, -1
	h.addExact(hash.host(host))
	if name := cutPort(host); len(name) != len(host) {
		h.addExact(hash.host(name))
		host = name
	}
	if name, ok := strings.CutSuffix(host, "."); ok {
		h.addExact(hash.host(name))
		host = name
	}
	h.base = host
}

func (h *hostKeys) addExact(key uint64) {
	h.exact[h.n] = key
	h.n++
}

// domain returns the key of the last n+1 labels; 0 when the host has fewer or
// they are too long to be a domain.
func (h *hostKeys) domain(hash hash, n int) uint64 {
	if h.labels < 0 {
		h.split()
	}
	if n >= h.labels {
		return 0
	}
	if h.domains[n] == 0 {
		h.domains[n] = hash.domain(h.base[h.starts[n]:])
	}
	return h.domains[n]
}

// split finds the starts of labels, from the right.
func (h *hostKeys) split() {
	h.labels = 0
	least := max(0, len(h.base)-maxName)
	for i := len(h.base); i >= least && h.labels < maxLabels; i-- {
		if i == 0 || h.base[i-1] == '.' {
			h.starts[h.labels] = i
			h.labels++
		}
	}
}
