package sed

import (
	"regexp/syntax"
	"unicode/utf8"
)

// program is a regular expression, ready to be run.
type program struct {
	inst  []syntax.Inst
	start uint32
	// looks says that it looks at what stands around a place (^ $ \b).
	looks bool
	// anchored says that it matches at the beginning of the text only.
	anchored bool
	// prefix is what every match begins with; may be empty.
	prefix []byte
	// first has the bytes with which a match may begin.
	first [256]bool
}

// compile makes a program of a regular expression in Go's syntax.
func compile(text string) (*program, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	p := &program{inst: prog.Inst, start: uint32(prog.Start), anchored: prog.StartCond()&syntax.EmptyBeginText != 0}
	prefix, _ := prog.Prefix()
	p.prefix = []byte(prefix)
	for i := range p.inst {
		p.looks = p.looks || p.inst[i].Op == syntax.InstEmptyWidth
	}
	p.findFirst(p.start, make([]bool, len(p.inst)))
	return p, nil
}

// findFirst fills in the bytes that can be first from instruction pc on.
func (p *program) findFirst(pc uint32, seen []bool) {
	if seen[pc] {
		return
	}
	seen[pc] = true
	in := &p.inst[pc]
	switch in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		p.findFirst(in.Out, seen)
		p.findFirst(in.Arg, seen)
	case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
		p.findFirst(in.Out, seen)
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		for c := range utf8.RuneSelf {
			p.first[c] = p.first[c] || matches(in, rune(c))
		}
		if !onlyASCII(in) {
			for c := utf8.RuneSelf; c < 256; c++ {
				p.first[c] = true
			}
		}
	}
}

// onlyASCII reports whether in is sure to match nothing else.
func onlyASCII(in *syntax.Inst) bool {
	if in.Op != syntax.InstRune && in.Op != syntax.InstRune1 || syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
		return false
	}
	for _, r := range in.Rune {
		if r >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func matches(in *syntax.Inst, r rune) bool {
	switch in.Op {
	case syntax.InstRune1:
		return r == in.Rune[0]
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	case syntax.InstRune:
		return in.MatchRune(r)
	}
	return false
}

// thread is a possible match: the instruction it has come to, and where it began.
type thread struct {
	pc    uint32
	start int
}

// machine runs a program over a text. Threads are ordered: the match of one counts
// more than those of all behind it.
type machine struct {
	*program
	// next are the threads behind the last rune, live those that wait for the
	// rune to come.
	next, live []thread
	// seen holds the instructions that were looked at in this place.
	seen  []uint32
	place uint32

	// matched says that from:to is a match, the best so far.
	matched  bool
	from, to int
}

func newMachine(p *program) *machine { return &machine{program: p, seen: make([]uint32, len(p.inst))} }

// reset forgets all threads and the match.
func (m *machine) reset() { m.next, m.live, m.matched = m.next[:0], m.live[:0], false }

// settle takes the threads as far as they come at pos without a rune; around says
// what stands there. Unless there is a match, another one begins here.
func (m *machine) settle(pos int, around syntax.EmptyOp) {
	if m.place++; m.place == 0 {
		clear(m.seen)
		m.place = 1
	}
	for _, t := range m.next {
		if m.follow(t, pos, around) {
			break
		}
	}
	m.next = m.next[:0]
	if !m.matched {
		m.follow(thread{m.start, pos}, pos, around)
	}
}

// follow takes t as far as it comes. It returns true at a match, which is worth
// more than all threads that are not live yet.
func (m *machine) follow(t thread, pos int, around syntax.EmptyOp) bool {
	for {
		if m.seen[t.pc] == m.place {
			return false
		}
		m.seen[t.pc] = m.place
		in := &m.inst[t.pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			if m.follow(thread{in.Out, t.start}, pos, around) {
				return true
			}
			t.pc = in.Arg
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^around != 0 {
				return false
			}
			t.pc = in.Out
		case syntax.InstCapture, syntax.InstNop:
			t.pc = in.Out
		case syntax.InstMatch:
			if pos == t.start {
				return false
			}
			m.matched, m.from, m.to = true, t.start, pos
			return true
		case syntax.InstFail:
			return false
		default:
			m.live = append(m.live, t)
			return false
		}
	}
}

// step takes the live threads over a rune.
func (m *machine) step(r rune) {
	for _, t := range m.live {
		if in := &m.inst[t.pc]; matches(in, r) {
			m.next = append(m.next, thread{in.Out, t.start})
		}
	}
	m.live = m.live[:0]
}

// low returns where the first possible match begins, pos if that is none before.
func (m *machine) low(pos int) int {
	switch {
	case len(m.live) > 0:
		return m.live[0].start
	case len(m.next) > 0:
		return m.next[0].start
	case m.matched:
		return m.from
	}
	return pos
}

// idle reports whether all that is known is that a match may begin at pos.
func (m *machine) idle(pos int) bool {
	return !m.matched && (len(m.live) == 0 || m.live[0].start == pos)
}
