package metrics

import (
	"math"
	"math/bits"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// maxBuckets bounds the number of buckets of a histogram.
const maxBuckets = 200

// kind is the type of a family in Prometheus' sense.
type kind uint8

const (
	counter kind = iota
	gauge        // whole numbers, which goroutines add to
	number       // a gauge of float64, which is set
	histogram
)

// String returns the type as the text format names it.
func (k kind) String() string {
	switch k {
	case counter:
		return "counter"
	case histogram:
		return "histogram"
	}
	return "gauge"
}

// family is one metric name: what its series have in common.
type family struct {
	kind   kind
	name   string
	help   string // one line without backslashes
	desc   *prometheus.Desc
	labels []string // sorted
	cpu    *processors

	// For histograms: upper bounds in whole units and as shown, and for each
	// bit length of a value the first bucket it can fall into.
	bounds []int64
	upper  []float64
	le     []string // the bounds as text, with +Inf
	first  [65]uint8
	unit   float64 // whole units in one shown unit

	mu sync.Mutex // serialises the creation of series
}

// setBuckets makes f a histogram with the given upper bounds; unit says how
// many whole units make one: 1e9 for seconds.
func (f *family) setBuckets(upper []float64, unit float64) {
	f.kind, f.upper, f.unit = histogram, upper, unit
	f.bounds = make([]int64, len(upper))
	for i, u := range upper {
		f.bounds[i] = int64(math.Round(u * unit))
	}
	f.le = make([]string, len(upper), len(upper)+1)
	for i, u := range upper {
		f.le[i] = string(appendNumber(nil, u))
	}
	f.le = append(f.le, "+Inf")
	for length := range f.first {
		least := int64(0)
		if length > 0 && length < 64 {
			least = 1 << (length - 1)
		}
		f.first[length] = uint8(sort.Search(len(f.bounds), func(i int) bool { return f.bounds[i] >= least }))
	}
}

// bucket returns the index of the bucket for v; len(f.bounds) is +Inf.
func (f *family) bucket(v int64) int {
	i := int(f.first[bits.Len64(uint64(v))])
	for i < len(f.bounds) && v > f.bounds[i] {
		i++
	}
	return i
}

// series is one set of labels of a family: a counter, a gauge of whole numbers
// or a histogram.
type series struct {
	family *family
	cells  cells
}

// The cells of a histogram: the sum, then the buckets with +Inf at the end. A
// counter and a gauge have cell 0 only.
const (
	sumCell     = 0
	firstBucket = 1
)

// inlineCells is the number of cells that lie beside their series, which saves
// a request that meets a route's series cold from memory one more wait.
const inlineCells = 16

// inlined is a series with its cells.
type inlined struct {
	series
	words [inlineCells]atomic.Uint64
}

func (f *family) newSeries() *series {
	if n := f.cellCount(); n == 1 || n > inlineCells {
		return &series{family: f, cells: newCells(n)}
	}
	return f.seriesIn(new(inlined))
}

// cellCount returns how many cells a series has.
func (f *family) cellCount() int {
	if f.kind == histogram {
		return firstBucket + len(f.bounds) + 1
	}
	return 1
}

// seriesIn makes a series in memory, which is zero and used for nothing else.
func (f *family) seriesIn(memory *inlined) *series {
	n := f.cellCount()
	if n > inlineCells {
		return f.newSeries()
	}
	memory.family, memory.cells.words = f, memory.words[:n:n]
	return &memory.series
}

// newShared returns a series that all requests add to.
func (f *family) newShared() *series {
	s := f.newSeries()
	s.cells.spread(f.cpu)
	return s
}

// observe adds v, in whole units, to a histogram.
func (s *series) observe(v int64) {
	v = max(v, 0)
	c := s.cells.mine(s.family.cpu)
	if c[firstBucket+s.family.bucket(v)].Add(1) == hot {
		s.cells.spread(s.family.cpu)
	}
	c[sumCell].Add(uint64(v))
}

// add adds n to a counter or gauge; for a gauge n may be the two's complement
// of a negative number.
func (s *series) add(n uint64) {
	if s.cells.mine(s.family.cpu)[0].Add(n) == hot {
		s.cells.spread(s.family.cpu)
	}
}

// value returns the value of a counter or a gauge.
func (s *series) value() float64 {
	v := s.cells.value(0)
	switch s.family.kind {
	case gauge:
		return float64(int64(v))
	case number:
		return math.Float64frombits(v)
	}
	return float64(v)
}

// set makes n the value of a gauge that add is never used on.
func (s *series) set(n int) { s.cells.words[0].Store(uint64(n)) }

// count returns how often the series was observed or, for counters and gauges,
// its value.
func (s *series) count() uint64 {
	if s.family.kind != histogram {
		return s.cells.value(0)
	}
	total := uint64(0)
	for i := range len(s.family.bounds) + 1 {
		total += s.cells.value(firstBucket + i)
	}
	return total
}

// sample is a series with its labels on its way to a scraper.
type sample struct {
	series *series
	values []string // of family.labels
}

var _ prometheus.Metric = sample{}

// Desc returns the description of the family.
func (s sample) Desc() *prometheus.Desc { return s.series.family.desc }

// Write fills out with the values of this moment.
func (s sample) Write(out *dto.Metric) error {
	f := s.series.family
	out.Label = make([]*dto.LabelPair, len(f.labels))
	for i := range f.labels {
		out.Label[i] = &dto.LabelPair{Name: &f.labels[i], Value: &s.values[i]}
	}
	switch f.kind {
	case counter:
		out.Counter = &dto.Counter{Value: new(s.series.value())}
	case gauge, number:
		out.Gauge = &dto.Gauge{Value: new(s.series.value())}
	case histogram:
		out.Histogram = s.series.snapshot()
	}
	return nil
}

func (s *series) snapshot() *dto.Histogram {
	f := s.family
	h := &dto.Histogram{Bucket: make([]*dto.Bucket, len(f.upper))}
	total := uint64(0)
	for i := range f.upper {
		total += s.cells.value(firstBucket + i)
		h.Bucket[i] = &dto.Bucket{CumulativeCount: new(total), UpperBound: &f.upper[i]}
	}
	total += s.cells.value(firstBucket + len(f.upper))
	h.SampleCount = &total
	h.SampleSum = new(float64(s.cells.value(sumCell)) / f.unit)
	return h
}
