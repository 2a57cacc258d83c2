package http2

import (
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// TestStreamsWithoutLimit checks that a backend whose SETTINGS do not bound the
// streams gets as many as we may have, and that a bound of a later one holds.
func TestStreamsWithoutLimit(t *testing.T) {
	toScripted(t, ClientConfig{MaxStreams: 2 * firstStreams}, func(b *scripted) {
		most := func() (n int) {
			var held []*ClientStream
			for s, ok := b.c.Open(); ok; s, ok = b.c.Open() {
				held = append(held, s)
			}
			for _, s := range held {
				_ = s.Close()
			}
			return len(held)
		}
		if n := most(); n != firstStreams {
			t.Errorf("%d streams before SETTINGS, expected %d", n, firstStreams)
		}
		b.greet()
		b.await(xhttp2.FrameSettings, 0)
		b.works(1)
		if n := most(); n != 2*firstStreams {
			t.Errorf("%d streams without a limit, expected %d", n, 2*firstStreams)
		}
		b.greet(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 3})
		b.works(3)
		if n := most(); n != 3 {
			t.Errorf("%d streams, expected that the backend's limit holds", n)
		}
	})
}
