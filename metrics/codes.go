package metrics

import (
	"strconv"
	"sync/atomic"
)

// maxCodes bounds how many pairs of status and method one handle tells apart:
// backends choose statuses.
const maxCodes = 64

// code is a status and a method as one number: status<<8 | method.
type code uint32

// otherCode stands for the pairs above maxCodes.
const otherCode code = 0xffffffff

// Indexes of methods; their names are in methodNames.
const (
	unknownMethod = iota
	methodGet
	methodHead
	methodPost
	methodPut
	methodPatch
	methodDelete
	methodConnect
	methodOptions
	methodTrace
)

var methodNames = [...]string{
	"_unknownmethod_", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE",
}

func methodIndex(method string) code {
	switch method {
	case "GET":
		return methodGet
	case "POST":
		return methodPost
	case "HEAD":
		return methodHead
	case "PUT":
		return methodPut
	case "PATCH":
		return methodPatch
	case "DELETE":
		return methodDelete
	case "CONNECT":
		return methodConnect
	case "OPTIONS":
		return methodOptions
	case "TRACE":
		return methodTrace
	}
	return unknownMethod
}

func codeOf(status int, method string) code {
	if status < 100 || status > 999 {
		status = 0
	}
	return code(status)<<8 | methodIndex(method)
}

// status returns the code label.
func (c code) status() string {
	if c == otherCode || c>>8 == 0 {
		return otherLabel
	}
	return strconv.Itoa(int(c >> 8))
}

// method returns the method label.
func (c code) method() string {
	if c == otherCode {
		return otherLabel
	}
	return methodNames[c&0xff]
}

// codeTable holds the series of one handle by code. Reading takes no lock;
// there are few entries, so it looks through them in order of arrival.
type codeTable struct {
	// first is the series of firstCode, the first of list: most handles see no
	// other.
	first     atomic.Pointer[series]
	firstCode code
	list      atomic.Pointer[[]codeEntry]
}

type codeEntry struct {
	code   code
	series *series
}

// entries returns what is there now.
func (t *codeTable) entries() []codeEntry {
	if l := t.list.Load(); l != nil {
		return *l
	}
	return nil
}

// get returns the series of c in f, made at first use.
func (t *codeTable) get(f *family, c code) *series { return t.getIn(f, c, nil) }

// getIn is get with memory for the first series; nil: none.
func (t *codeTable) getIn(f *family, c code, memory *inlined) *series {
	if s := t.first.Load(); s != nil && t.firstCode == c {
		return s
	}
	for _, e := range t.entries() {
		if e.code == c {
			return e.series
		}
	}
	return t.add(f, c, memory)
}

func (t *codeTable) add(f *family, c code, memory *inlined) *series {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := t.entries()
	for _, e := range old {
		if e.code == c {
			return e.series
		}
	}
	if len(old) >= maxCodes {
		c = otherCode
		for _, e := range old {
			if e.code == c {
				return e.series
			}
		}
	}
	made := codeEntry{code: c}
	if len(old) == 0 && memory != nil {
		made.series = f.seriesIn(memory)
	} else {
		made.series = f.newSeries()
	}
	list := append(old[:len(old):len(old)], made)
	t.list.Store(&list)
	if len(old) == 0 {
		t.firstCode = c
		t.first.Store(made.series)
	}
	return made.series
}

// count returns how much was counted in all.
func (t *codeTable) count() uint64 {
	total := uint64(0)
	for _, e := range t.entries() {
		total += e.series.count()
	}
	return total
}

// lazy is a series made at first use.
type lazy struct{ series atomic.Pointer[series] }

func (l *lazy) get(f *family) *series {
	if s := l.series.Load(); s != nil {
		return s
	}
	l.series.CompareAndSwap(nil, f.newSeries())
	return l.series.Load()
}

// getIn is get with memory for the series.
func (l *lazy) getIn(f *family, memory *inlined) *series {
	if s := l.series.Load(); s != nil {
		return s
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.series.Load() == nil {
		l.series.Store(f.seriesIn(memory))
	}
	return l.series.Load()
}

// count returns how much was counted.
func (l *lazy) count() uint64 {
	if s := l.series.Load(); s != nil {
		return s.count()
	}
	return 0
}
