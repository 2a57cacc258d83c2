package predicate

import (
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// Regexp is a regular expression that is compiled when it is first used: the
// routing table answers most expressions on hosts from an index, and compiled
// they would be most of its memory. It is safe for concurrent use.
type Regexp struct {
	expr     string
	compiled atomic.Pointer[regexp.Regexp]
}

// String returns the expression.
func (r *Regexp) String() string { return r.expr }

// MatchString reports whether s contains a match. An expression that does not
// compile matches nothing; arg.Check has sorted those out.
func (r *Regexp) MatchString(s string) bool {
	rx := r.compiled.Load()
	if rx == nil {
		if rx = r.compile(); rx == nil {
			return false
		}
	}
	return rx.MatchString(s)
}

// compile may run more than once at the same time: all results are equal.
func (r *Regexp) compile() *regexp.Regexp {
	rx, err := regexp.Compile(r.expr)
	if err != nil {
		return nil
	}
	r.compiled.Store(rx)
	return rx
}

// maxRegexps bounds how many expressions are remembered. A table is compiled
// host by host and path by path, so that routes which have an expression in
// common come close to each other.
const maxRegexps = 4096

// regexps are expressions that were asked for lately.
type regexps struct {
	mu     sync.Mutex
	byExpr map[string]*Regexp
}

// Regexp returns expr, which arg.Check accepted as a regular expression. Routes
// with the same expression share one as long as it is among those asked for
// lately.
func (e *Env) Regexp(expr string) *Regexp {
	if e == nil {
		return &Regexp{expr: expr}
	}
	c := &e.regexps
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.byExpr[expr]; r != nil {
		return r
	}
	if c.byExpr == nil || len(c.byExpr) >= maxRegexps {
		c.byExpr = map[string]*Regexp{}
	}
	// The text may be a piece of a whole document, which must not live as long.
	r := &Regexp{expr: strings.Clone(expr)}
	c.byExpr[r.expr] = r
	return r
}
