package metrics

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// flushAt is how many bytes of text are collected before they are written.
const flushAt = 64 << 10

// text writes samples in the Prometheus text format, version 0.0.4.
type text struct {
	w       io.Writer
	buf     []byte
	samples map[*family][]sample

	// Of the sample that is being written.
	name   string
	labels []byte // with a comma behind each
}

func newText(w io.Writer) *text {
	return &text{w: w, buf: make([]byte, 0, flushAt+flushAt/4), samples: map[*family][]sample{}}
}

// add takes a sample that family will write.
func (t *text) add(s sample) {
	f := s.series.family
	t.samples[f] = append(t.samples[f], s)
}

// family writes the samples of f, sorted by their labels.
func (t *text) family(f *family) error {
	samples := t.samples[f]
	if len(samples) == 0 {
		return nil
	}
	delete(t.samples, f)
	slices.SortFunc(samples, func(a, b sample) int { return slices.Compare(a.values, b.values) })
	t.put("# HELP ", f.name, " ", f.help, "\n# TYPE ", f.name, " ", f.kind.String(), "\n")
	for i := range samples {
		t.sample(&samples[i])
		if len(t.buf) >= flushAt {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *text) flush() error {
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

func (t *text) sample(s *sample) {
	f := s.series.family
	t.name, t.labels = f.name, t.labels[:0]
	for i, name := range f.labels {
		t.labels = append(t.labels, name...)
		t.labels = append(t.labels, `="`...)
		t.labels = appendLabel(t.labels, s.values[i])
		t.labels = append(t.labels, `",`...)
	}
	if f.kind == histogram {
		t.histogram(s.series)
		return
	}
	t.line("", "", s.series.value())
}

func (t *text) histogram(s *series) {
	f, total := s.family, uint64(0)
	for i, bound := range f.le {
		total += s.cells.value(firstBucket + i)
		t.line("_bucket", bound, float64(total))
	}
	t.line("_sum", "", float64(s.cells.value(sumCell))/f.unit)
	t.line("_count", "", float64(total))
}

// line writes one line; bound is the le label of a bucket.
func (t *text) line(suffix, bound string, value float64) {
	t.put(t.name, suffix)
	if len(t.labels) > 0 || bound != "" {
		t.buf = append(t.buf, '{')
		t.buf = append(t.buf, t.labels...)
		if bound != "" {
			t.put(`le="`, bound, `"`)
		} else {
			t.buf = t.buf[:len(t.buf)-1]
		}
		t.buf = append(t.buf, '}')
	}
	t.buf = append(t.buf, ' ')
	t.buf = appendNumber(t.buf, value)
	t.buf = append(t.buf, '\n')
}

func (t *text) put(parts ...string) {
	for _, p := range parts {
		t.buf = append(t.buf, p...)
	}
}

// appendLabel escapes the value of a label.
func appendLabel(b []byte, value string) []byte {
	if strings.IndexByte(value, '\\') < 0 && strings.IndexByte(value, '"') < 0 && strings.IndexByte(value, '\n') < 0 {
		return append(b, value...)
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendNumber writes a value the way the client library does.
func appendNumber(b []byte, v float64) []byte {
	switch {
	case v == math.Trunc(v) && math.Abs(v) < 1e6:
		return strconv.AppendInt(b, int64(v), 10)
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 0):
		return strconv.AppendFloat(b, v, 'f', -1, 64) // "+Inf", "-Inf"
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
