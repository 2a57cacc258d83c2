package source

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/eskip"
)

// Document reads the text form of routes again and again for a source, and
// parses only what changed since the last time: definitions that stay the same
// keep their pointers. It streams: the text is never in memory as a whole.
//
// Unlike eskip.Parse it does not report ids that are defined twice; the reader
// of several sources does that.
type Document struct {
	file  string
	seed  maphash.Seed
	split *eskip.Splitter

	// What the last complete reading found.
	pieces []piece
	broken map[piece]outcome // those of pieces without a route
	set    Set
	count  uint64 // of the different contents so far
}

// piece is one definition of the document.
type piece struct {
	sum       uint64 // of its text and position in the list
	line, col int32
	route     *eskip.Route // nil when the definition is broken
}

// outcome is what a broken piece gave.
type outcome struct {
	routes   []*eskip.Route // those that could be told from it
	problems []Problem
	unread   []string
}

// NewDocument returns a document that nothing was read of yet. file names it in
// positions and may be "".
func NewDocument(file string) *Document {
	return &Document{file: file, seed: maphash.MakeSeed()}
}

// maxProblems bounds the problems of one document that are kept.
const maxProblems = 1000

// Read reads all of r and returns its routes. After an error d knows what it
// knew before. Errors are those of r, a document longer than
// eskip.MaxDocument, and one that had routes and of which now nothing can be
// read: that is no document any more, such as the page of an error. Other
// mistakes are Problems of the Set.
func (d *Document) Read(r io.Reader) (Set, error) {
	if d.split == nil {
		d.split = eskip.NewSplitter(nil)
	}
	d.split.Reset(&limited{r: r, left: eskip.MaxDocument})
	defer d.split.Reset(nil)
	n := reading{
		Document: d,
		old:      finder{pieces: d.pieces, used: make([]bool, len(d.pieces))},
		pieces:   make([]piece, 0, len(d.pieces)+16),
		broken:   map[piece]outcome{},
		same:     d.count > 0,
	}
	for d.split.Next() {
		n.piece()
	}
	if err := d.split.Err(); err != nil {
		return Set{}, err
	}
	if n.same && len(n.pieces) == len(d.pieces) {
		return d.set, nil
	}
	set := n.compose()
	if len(set.Routes) == 0 && len(d.set.Routes) > 0 && len(set.Problems) > 0 {
		return Set{}, fmt.Errorf("no route can be read: %w", set.Problems[0].Err)
	}
	d.count++
	set.Version = strconv.FormatUint(d.count, 10)
	d.pieces, d.broken, d.set = slices.Clip(n.pieces), n.broken, set
	return d.set, nil
}

// reading is one call of Read.
type reading struct {
	*Document
	parser eskip.Parser
	old    finder
	pieces []piece
	broken map[piece]outcome
	// same is set while every piece is the one that was there before.
	same bool
}

// piece takes the current piece of the document.
func (n *reading) piece() {
	text := n.split.Definition()
	i := len(n.pieces)
	p := piece{sum: maphash.Bytes(n.seed, text)}
	p.line, p.col = n.split.Place()
	if i == 0 { // may be a lone expression, and if so not when another follows
		p.sum++
	}
	if n.split.Terminated() {
		p.sum += 2
	}
	p.route = n.old.find(p.sum)
	switch o, known := n.Document.broken[p]; {
	case p.route != nil:
	case known:
		n.broken[p] = o
	default:
		n.parse(&p, text)
	}
	n.pieces = append(n.pieces, p)
	n.same = n.same && i < len(n.Document.pieces) && n.Document.pieces[i] == p
}

// parse reads a piece that was not there before.
func (n *reading) parse(p *piece, text []byte) {
	at := eskip.Pos{File: n.file, Line: p.line, Col: p.col}
	if defines(text) { // most do: routes keep their text, so it should be short
		if routes, err := n.parser.ParseAt(at, string(text)); err == nil && len(routes) == 1 {
			p.route = routes[0]
			return
		}
	}
	routes, err := n.parser.ParseAt(n.embed(at, text))
	if err == nil && len(routes) == 1 {
		p.route = routes[0]
		return
	}
	n.broken[*p] = outcome{routes, problems(err), names(text)}
}

// embed puts around a piece what decides in the document what it means: the
// language reads a lone expression in the first place only, and mistakes look
// different in front of a semicolon and at the end.
func (n *reading) embed(at eskip.Pos, text []byte) (eskip.Pos, string) {
	var b strings.Builder
	b.Grow(len(text) + 3)
	if len(n.pieces) > 0 {
		b.WriteByte(';')
		if at.Col--; at.Col == 0 {
			b.WriteByte('\n')
			at.Col, at.Line = 1, at.Line-1
		}
	}
	b.Write(text)
	if n.split.Terminated() {
		b.WriteByte(';')
	}
	return at, b.String()
}

// defines reports whether a piece starts with a name and a colon.
func defines(text []byte) bool {
	i := 0
	for i < len(text) && isNameByte(text[i]) {
		i++
	}
	return i > 0 && i < len(text) && text[i] == ':'
}

// problems lists the faults of an error of eskip.
func problems(err error) []Problem {
	var list eskip.ErrorList
	if !errors.As(err, &list) {
		if err == nil {
			return nil
		}
		return []Problem{{Reason: "other", Err: err}}
	}
	out := make([]Problem, len(list))
	for i, e := range list {
		out[i] = Problem{RouteID: e.RouteID, Reason: "other", Err: e}
	}
	return out
}

// compose makes the Set of the pieces.
func (n *reading) compose() Set {
	s := Set{
		Routes: make([]*eskip.Route, 0, len(n.pieces)),
		Lines:  make([]int32, 0, len(n.pieces)),
	}
	left := 0
	for _, p := range n.pieces {
		if p.route != nil {
			s.Routes = append(s.Routes, p.route)
			s.Lines = append(s.Lines, p.line)
			continue
		}
		o := n.broken[p]
		for _, r := range o.routes {
			s.Routes = append(s.Routes, r)
			s.Lines = append(s.Lines, r.Pos.Line)
		}
		s.Unread = append(s.Unread, o.unread...)
		room := min(len(o.problems), maxProblems-len(s.Problems))
		s.Problems = append(s.Problems, o.problems[:room]...)
		left += len(o.problems) - room
	}
	if left > 0 {
		s.Problems = append(s.Problems, Problem{Reason: "other", Err: fmt.Errorf("and %d more mistakes, mend those before first", left)})
	}
	return s
}

// names returns what may be ids in a text that cannot be read: names in front
// of a colon.
func names(text []byte) []string {
	var out []string
	for i, c := range text {
		if c != ':' {
			continue
		}
		end := i
		for end > 0 && (text[end-1] == ' ' || text[end-1] == '\t' || text[end-1] == '\n' || text[end-1] == '\r') {
			end--
		}
		from := end
		for from > 0 && isNameByte(text[from-1]) {
			from--
		}
		if from < end {
			out = append(out, string(text[from:end]))
		}
	}
	return out
}

func isNameByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_'
}

// finder finds the route of a piece among those of the last reading. Mostly the
// next piece is the one that followed before.
type finder struct {
	pieces []piece
	used   []bool // a pointer must not stand in a Set twice
	next   int
	misses int
	index  map[uint64]int // of all pieces, made when there are many misses
}

// window is how far find looks ahead; maxMisses how often in vain before it
// makes the index.
const (
	window    = 8
	maxMisses = 32
)

// find returns the route that the piece with this sum gave, or nil.
func (f *finder) find(sum uint64) *eskip.Route {
	for i := f.next; i < min(f.next+window, len(f.pieces)); i++ {
		if f.pieces[i].sum == sum && !f.used[i] {
			return f.use(i)
		}
	}
	if f.misses++; f.misses < maxMisses {
		return nil
	}
	if f.index == nil {
		f.index = make(map[uint64]int, len(f.pieces))
		for i := range f.pieces {
			f.index[f.pieces[i].sum] = i
		}
	}
	if i, ok := f.index[sum]; ok && !f.used[i] {
		return f.use(i)
	}
	return nil
}

func (f *finder) use(i int) *eskip.Route {
	f.used[i] = true
	f.next = i + 1
	return f.pieces[i].route
}

// limited fails when more than left bytes are read.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("more than %d MiB of routes: split them into several sources", eskip.MaxDocument>>20)
	}
	return n, err
}
