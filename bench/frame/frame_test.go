package frame

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// cut feeds pieces of a size and returns the frames as text.
func cut(t *testing.T, b []byte, size int) []string {
	t.Helper()
	var c Cutter
	var all []string
	for piece := range slices.Chunk(b, size) {
		err := c.Feed(bytes.Clone(piece), func(h Head, content []byte) error {
			all = append(all, fmt.Sprintf("%d %d %d %x", h.Type, h.Flags, h.Stream, content))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestFramesCutAnywhere(t *testing.T) {
	b := AppendSettings(nil, InitialWindowSize, 1<<20, EnablePush, 0)
	b = AppendWindow(b, 0, 77)
	b = Append(b, Head{Type: Headers, Flags: EndHeaders, Stream: 3}, []byte{0x88})
	b = Append(b, Head{Type: Data, Flags: EndStream, Stream: 1<<31 - 1}, bytes.Repeat([]byte{7}, 300))
	want := cut(t, b, len(b))
	if len(want) != 4 || want[1] != "8 0 0 0000004d" || want[2] != "1 4 3 88" {
		t.Fatalf("frames %q", want)
	}
	for size := 1; size < 40; size++ {
		if got := cut(t, b, size); !slices.Equal(got, want) {
			t.Errorf("in pieces of %d: %q, want %q", size, got, want)
		}
	}
	framer := http2.NewFramer(io.Discard, bytes.NewReader(b))
	for i, text := range want {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("frame %d, %q: %v", i, text, err)
		}
		h := f.Header()
		if head := fmt.Sprintf("%d %d %d ", h.Type, h.Flags, h.StreamID); text[:len(head)] != head {
			t.Errorf("frame %d: %q, x/net reads %v", i, text, h)
		}
	}
}

func TestLargeFrameIsRefused(t *testing.T) {
	var c Cutter
	if err := c.Feed([]byte{0, 0x40, 1}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Feed([]byte{0, 0, 0, 0, 0, 1}, nil); err == nil {
		t.Error("no error for a frame of 16385 bytes")
	}
}

func TestContent(t *testing.T) {
	for name, c := range map[string]struct {
		h    Head
		in   string
		want string
		bad  bool
	}{
		"plain":            {Head{Type: Data}, "abc", "abc", false},
		"padded":           {Head{Type: Data, Flags: Padded}, "\x02abc..", "abc", false},
		"priority":         {Head{Type: Headers, Flags: HasPriority}, "12345abc", "abc", false},
		"both":             {Head{Type: Headers, Flags: HasPriority | Padded}, "\x0112345abc.", "abc", false},
		"all padding":      {Head{Type: Data, Flags: Padded}, "\x02..", "", false},
		"too much padding": {Head{Type: Data, Flags: Padded}, "\x03..", "", true},
		"no length":        {Head{Type: Data, Flags: Padded}, "", "", true},
		"short priority":   {Head{Type: Headers, Flags: HasPriority}, "1234", "", true},
	} {
		got, err := Content(c.h, []byte(c.in))
		if string(got) != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

// TestBlocks decodes several rounds with a decoder that allows the table size.
func TestBlocks(t *testing.T) {
	lists := [][]hpack.HeaderField{Fields(":status", "200", "x-one", "1"), Fields("x-two", "2", "x-three", "3")}
	for _, size := range []uint32{0, 40, 100, 4096, 1 << 20} {
		for _, before := range []bool{true, false} {
			b := NewBlocks(lists...)
			d := hpack.NewDecoder(4096, nil)
			if before {
				b.Limit(size)
			}
			var sizes []int
			for round := range 4 {
				if round == 2 {
					b.Limit(size)
					d.SetAllowedMaxDynamicTableSize(min(size, 4096))
				}
				total := 0
				for i, block := range b.Next() {
					got, err := d.DecodeFull(block)
					if err != nil || !slices.Equal(got, lists[i]) {
						t.Fatalf("table of %d, limited before %v, round %d, list %d: %v, %v", size, before, round, i, got, err)
					}
					total += len(block)
				}
				sizes = append(sizes, total)
			}
			if size >= 4096 && (sizes[1] != 4 || sizes[3] != 4) {
				t.Errorf("table of %d: blocks of %v bytes, want one for each field once they are known", size, sizes)
			}
		}
	}
}

// FuzzCutter compares with the framer of x/net.
func FuzzCutter(f *testing.F) {
	f.Add(AppendWindow(AppendSettings(nil, 1, 2), 3, 4), 3)
	f.Add(Append(nil, Head{Type: Headers, Flags: EndHeaders | Padded, Stream: 1}, []byte{1, 0x88, 0}), 1)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		var c Cutter
		var heads []Head
		for piece := range slices.Chunk(b, max(1, size)) {
			err := c.Feed(piece, func(h Head, content []byte) error {
				heads = append(heads, h)
				Content(h, content)
				EachSetting(content, func(uint16, uint32) {})
				Number(content, 4)
				return nil
			})
			if err != nil {
				return
			}
		}
		framer := http2.NewFramer(io.Discard, bytes.NewReader(b))
		framer.AllowIllegalReads = true
		for i, h := range heads {
			got, err := framer.ReadFrame()
			if err != nil {
				return // it checks more
			}
			x := got.Header()
			if want := (Head{Type: uint8(x.Type), Flags: uint8(x.Flags), Stream: x.StreamID}); h != want {
				t.Fatalf("frame %d: %+v, x/net reads %+v", i, h, want)
			}
		}
	})
}
