package metrics

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// minStripes is the number of processors from which stripes pay: finding
	// one's stripe costs about 10 ns, as much as two processors lose by sharing.
	minStripes = 4
	// maxStripes bounds the memory of a striped series.
	maxStripes = 16
	// hot is the count at which a cell is busy enough to be worth stripes.
	hot = 1 << 14
	// padding is the distance between stripes in words: two cache lines,
	// because processors fetch lines in pairs.
	padding = 16
)

// cells are counters that many goroutines add to at once. They start as plain
// words; busy ones get a stripe for each processor, so that processors do not
// take cache lines from each other. Additions are never lost, whatever the
// moment of the change: a value is the sum of the words and all stripes.
type cells struct {
	words   []atomic.Uint64
	stripes atomic.Pointer[stripes]
}

type stripes struct {
	words  []atomic.Uint64
	stride int
}

func newCells(n int) cells { return cells{words: make([]atomic.Uint64, n)} }

// mine returns the words that the calling goroutine should add to.
func (c *cells) mine(p *processors) []atomic.Uint64 {
	s := c.stripes.Load()
	if s == nil {
		return c.words
	}
	from := p.index() * s.stride
	return s.words[from : from+len(c.words)]
}

// spread gives c a stripe for each processor.
func (c *cells) spread(p *processors) {
	if p.n < minStripes {
		return
	}
	stride := (len(c.words) + padding - 1) / padding * padding
	c.stripes.CompareAndSwap(nil, &stripes{words: make([]atomic.Uint64, p.n*stride), stride: stride})
}

// value returns the total of cell i.
func (c *cells) value(i int) uint64 {
	v := c.words[i].Load()
	if s := c.stripes.Load(); s != nil {
		for at := i; at < len(s.words); at += s.stride {
			v += s.words[at].Load()
		}
	}
	return v
}

// processors hands out the number of a stripe that other processors are
// unlikely to use at the moment. It does so with a sync.Pool, whose items stay
// with a processor.
type processors struct {
	n    int // a power of two
	next atomic.Uint32
	pool sync.Pool // of *int
}

func newProcessors() *processors {
	n := min(runtime.GOMAXPROCS(0), maxStripes)
	p := &processors{n: 1 << bits.Len(uint(n-1))}
	p.pool.New = func() any {
		i := int(p.next.Add(1)) & (p.n - 1)
		return &i
	}
	return p
}

func (p *processors) index() int {
	i := p.pool.Get().(*int)
	p.pool.Put(i)
	return *i
}
