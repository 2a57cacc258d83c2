package hist

import (
	"testing"
	"time"
)

func TestBucketHoldsItsValues(t *testing.T) {
	last := -1
	for v := uint64(0); v < 1<<40; v += v/100 + 1 {
		b := bucket(v)
		if b < last {
			t.Fatalf("bucket(%d) = %d, below the bucket %d of a smaller value", v, b, last)
		}
		last = b
		up := upper(b)
		if up < v || float64(up-v) > float64(v)/64+1 {
			t.Fatalf("value %d in bucket %d with upper bound %d", v, b, up)
		}
	}
	if b := bucket(1<<63 - 1); b >= len(Hist{}.counts) {
		t.Fatalf("the longest duration has bucket %d of %d", b, len(Hist{}.counts))
	}
}

func TestQuantile(t *testing.T) {
	var h Hist
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("empty: %v", got)
	}
	for i := range 1000 {
		h.Add(time.Duration(i+1) * time.Microsecond)
	}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, time.Microsecond}, {0.5, 501 * time.Microsecond}, {0.99, 991 * time.Microsecond}, {1, time.Millisecond}} {
		got := h.Quantile(c.q)
		if diff := (got - c.want).Abs(); diff > c.want/60 {
			t.Errorf("quantile %v = %v, want about %v", c.q, got, c.want)
		}
	}
	if h.Count() != 1000 || h.Max() != time.Millisecond {
		t.Errorf("count %d, max %v", h.Count(), h.Max())
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	var h Hist
	if n := testing.AllocsPerRun(100, func() { h.Add(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
