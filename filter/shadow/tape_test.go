package shadow

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestTape(t *testing.T) {
	b := new(budget)
	b.left.Store(10_000)
	full := 0
	tp := newTape(8_000, b, func() { full++ })
	var want, got bytes.Buffer
	buf := make([]byte, 700)
	for i := range 200 { // around the ring, in pieces of all lengths
		piece := bytes.Repeat([]byte{byte(i)}, i*13%900)
		want.Write(piece)
		tp.write(piece)
		if tp.n > 0 {
			n, err := tp.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(buf[:n])
		}
	}
	tp.end(io.EOF)
	tp.write([]byte("late"))
	if _, err := io.Copy(&got, tp); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) || full != 0 {
		t.Errorf("got %d bytes, want %d; overflowed %d times", got.Len(), want.Len(), full)
	}
	if err := tp.Close(); err != nil || b.left.Load() != 10_000 {
		t.Errorf("%v, %d left", err, b.left.Load())
	}

	over := newTape(8_000, b, func() { full++ })
	over.write(make([]byte, 8_000))
	another := newTape(8_000, b, func() { full++ })
	another.write(make([]byte, 100)) // there is no memory for it in all
	over.write([]byte{1})
	over.write([]byte{1})
	if _, err := over.Read(buf); !errors.Is(err, errOverflow) || full != 2 || b.left.Load() != 10_000 {
		t.Errorf("got %v, %d overflows, %d bytes left", err, full, b.left.Load())
	}
}

func BenchmarkTape(b *testing.B) {
	bud := new(budget)
	bud.left.Store(1 << 20)
	tp := newTape(1<<20, bud, func() { b.Error("overflow") })
	piece := make([]byte, 16<<10)
	b.SetBytes(int64(len(piece)))
	b.ReportAllocs()
	for b.Loop() {
		tp.write(piece)
		if _, err := io.ReadFull(tp, piece); err != nil {
			b.Fatal(err)
		}
	}
}
