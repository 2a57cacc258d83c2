package http2

import (
	"io"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// A client that took a long response into its memory and reads it later gives the
// windows back in thousands of frames at once, as Go's does. That is no flood; as
// many that give back what it never got are one.
func TestWindowsGivenBackLate(t *testing.T) {
	const size, piece = 24 << 20, 4 << 10
	h := &handler{fn: func(d exchange.Downstream) {
		_ = d.Reply(&message.Response{Status: 200, ContentLength: size, Body: io.LimitReader(zeros{}, size)})
	}}
	r := dial(t, listen(t, h, ServerConfig{}, nil))
	r.try(r.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 30}))
	r.try(r.fr.WriteWindowUpdate(0, 1<<30))
	id, got := r.open(true, plain("GET")...), 0
	r.until("the end", func(f xhttp2.Frame) bool {
		d, ok := f.(*xhttp2.DataFrame)
		if ok {
			got += len(d.Data())
		}
		return ok && d.StreamEnded()
	})
	if got != size {
		t.Fatalf("got %d bytes", got)
	}
	for range size / piece {
		r.try(r.fr.WriteWindowUpdate(id, piece))
		r.try(r.fr.WriteWindowUpdate(0, piece))
	}
	r.try(r.fr.WritePing(false, [8]byte{1}))
	r.until("the answer to PING", func(f xhttp2.Frame) bool { p, ok := f.(*xhttp2.PingFrame); return ok && p.IsAck() })
	code, _ := r.flood(100_000, func(int) error { return r.fr.WriteWindowUpdate(0, piece) })
	if code != CodeEnhanceYourCalm {
		t.Errorf("more than it ever got: %v", code)
	}
}
