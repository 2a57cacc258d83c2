package websocket

import (
	"bytes"
	"testing"
)

// stream is three frames: a short text, a masked one of 300 bytes, one of 70,000.
func stream() (b []byte, ends []int) {
	b = append(b, 0x81, 2, 'h', 'i')
	ends = append(ends, len(b))
	b = append(b, 0x82, 0x80|126, 1, 44, 1, 2, 3, 4)
	b = append(b, make([]byte, 300)...)
	ends = append(ends, len(b))
	b = append(b, 0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70)
	b = append(b, make([]byte, 70000)...)
	ends = append(ends, len(b))
	return append(b, 0x88, 0), append(ends, len(b)+2)
}

func TestFramesAnyCut(t *testing.T) {
	b, ends := stream()
	for cut := 1; cut < 700; cut++ {
		var f Frames
		var got []int
		for at := 0; at < len(b); {
			piece := b[at:min(at+cut, len(b))]
			for len(piece) > 0 {
				n := f.Next(piece)
				at += n
				piece = piece[n:]
				if f.Between() {
					got = append(got, at)
				}
			}
		}
		if len(got) != len(ends) || got[0] != ends[0] || got[1] != ends[1] || got[2] != ends[2] || got[3] != ends[3] {
			t.Fatalf("cut %d: frames end at %v, want %v", cut, got, ends)
		}
	}
}

func TestFramesHugeLength(t *testing.T) {
	var f Frames
	b := []byte{0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3}
	if n := f.Next(b); n != len(b) || f.Between() {
		t.Errorf("followed %d bytes, between %v", n, f.Between())
	}
}

func TestAppendClose(t *testing.T) {
	if b := AppendClose(nil, GoingAway, false); !bytes.Equal(b, []byte{0x88, 2, 3, 0xe9}) {
		t.Errorf("close frame % x", b)
	}
	b := AppendClose(nil, GoingAway, true)
	if len(b) != 8 || b[0] != 0x88 || b[1] != 0x82 || b[6]^b[2] != 3 || b[7]^b[3] != 0xe9 {
		t.Errorf("masked close frame % x", b)
	}
	var f Frames
	if n := f.Next(b[:6]); n != 6 || !f.Closing() {
		t.Error("a Close frame is not seen as one")
	}
	if f.Next(b[6:]); !f.Between() || !f.Closing() {
		t.Error("the Close frame does not end")
	}
}

func FuzzFrames(f *testing.F) {
	b, _ := stream()
	f.Add(b[:400], uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		var whole, cuts Frames
		count := func(fr *Frames, piece []byte) (ends int) {
			for len(piece) > 0 {
				n := fr.Next(piece)
				if n <= 0 || n > len(piece) {
					t.Fatalf("followed %d of %d bytes", n, len(piece))
				}
				piece = piece[n:]
				if fr.Between() {
					ends++
				}
			}
			return ends
		}
		want, got := count(&whole, b), 0
		for step := int(cut)%7 + 1; len(b) > 0; b = b[min(step, len(b)):] {
			got += count(&cuts, b[:min(step, len(b))])
		}
		if want != got || whole != cuts {
			t.Fatalf("%d frames in one piece, %d in many", want, got)
		}
	})
}
