package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/websocket"
	"fairlead.dev/fairlead/message"
)

// farewell is how long the ends of a WebSocket get to take leave after the Close
// frame before the connections are cut.
const farewell = 5 * time.Second

// tunnel passes bytes both ways between a client and a backend that agreed to
// speak something else than HTTP (RFC 9110 7.8, RFC 8441).
type tunnel struct {
	down, up exchange.Pipe
	toClient direction
	toServer direction

	mu   sync.Mutex
	over bool        // the ends belong to others
	late *time.Timer // see cutLater; may be nil
	// quiet is how often in a row the watch found that nothing had passed.
	quiet int
}

// wantsTunnel reports whether the client takes a response of success for the
// beginning of a tunnel (RFC 8441 4).
func (e *passage) wantsTunnel() bool { return e.req.Major >= 2 && e.down.Upgrade() != "" }

// refusedTunnel reports whether the response would open a tunnel that nobody
// stands behind.
func (e *passage) refusedTunnel() bool {
	status := e.ctx.Response.Status
	return status >= 200 && status <= 299 && e.wantsTunnel()
}

// tunnel answers with resp, the backend's 101, and then passes bytes both ways
// until both sides ended or one failed.
func (e *passage) tunnel(resp *message.Response) error {
	_ = e.letGo() // from now on each end is told by the other's direction
	down, err := e.down.Accept(resp)
	if err != nil {
		return err
	}
	t := &tunnel{down: down, up: e.up.Tunnel()}
	frames := message.EqualName(e.send.Upgrade, "websocket")
	t.toClient.begin(down, t.up, frames, false)
	t.toServer.begin(t.up, down, frames, true)
	var wg sync.WaitGroup
	if !e.p.tunnels.add(t) {
		wg.Go(func() { t.leave(e.p.base) })
	}
	defer e.p.tunnels.remove(t)
	wg.Go(func() { t.relay(&t.toServer) })
	t.relay(&t.toClient)
	wg.Wait()
	t.mu.Lock()
	t.over = true
	if t.late != nil {
		t.late.Stop()
	}
	t.mu.Unlock()
	return errors.Join(t.down.Close(), t.up.Close())
}

// relay runs one direction. An error ends both.
func (t *tunnel) relay(d *direction) {
	switch err := d.relay(); {
	case errors.Is(err, errDeaf):
		t.cutLater()
	case err == nil || d.parted():
	case d.leaving.Load():
		// Its sender was told to leave and did so faster than our Close frame came to
		// stand here.
		defer t.cut()
	default:
		t.cut()
	}
	d.end()
}

// cutLater gives the other direction a moment: who takes no more may have said
// goodbye before, and that is on its way.
func (t *tunnel) cutLater() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.late == nil && !t.over {
		t.late = time.AfterFunc(farewell, t.cut)
	}
}

// cut ends both ends where they are.
func (t *tunnel) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.down.Interrupt()
		t.up.Interrupt()
	}
}

// leave tells both ends of a WebSocket that it is over and gives them a moment to
// end. Other tunnels go on until they are cut.
func (t *tunnel) leave(ctx context.Context) {
	if !t.toClient.framed {
		return
	}
	soon, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	defer context.AfterFunc(soon, t.cut)() // who does not read cannot be told
	both := []*direction{&t.toClient, &t.toServer}
	for _, d := range both {
		d.leaving.Store(true)
	}
	var wg sync.WaitGroup
	for _, d := range both {
		wg.Go(func() { d.leave(soon) })
	}
	wg.Wait()
	for _, d := range both {
		select {
		case <-d.done:
		case <-soon.Done():
		}
	}
}

// passed reports whether something passed since it was asked last.
func (t *tunnel) passed() bool {
	a, b := t.toClient.moved.Swap(false), t.toServer.moved.Swap(false)
	return a || b
}

// direction is one direction of a tunnel.
type direction struct {
	to, from exchange.Pipe
	framed   bool          // WebSocket frames
	masked   bool          // those that we make
	moved    atomic.Bool   // something passed; see passed
	leaving  atomic.Bool   // it is to end with a Close frame of ours
	done     chan struct{} // closed when nothing passes any more

	// Who takes from turn may write to to, and look at what follows.
	turn   chan struct{}
	frames websocket.Frames
	leaves bool // a Close frame of ours is to follow the frame under way
	closed bool // a Close frame was the last: what still comes is dropped
}

func (d *direction) begin(to, from exchange.Pipe, framed, masked bool) {
	d.to, d.from, d.framed, d.masked = to, from, framed, masked
	d.done, d.turn = make(chan struct{}), make(chan struct{}, 1)
	d.turn <- struct{}{}
}

// source is a pipe that can wait without memory for what it waits for; see
// exchange.Body.
type source interface {
	Next(size int) ([]byte, error)
	Consume(n int)
}

// errDeaf says that one end takes nothing any more.
var errDeaf = errors.New("the end of a tunnel takes nothing any more")

// relay passes on what comes until the end.
func (d *direction) relay() error {
	src, ok := d.from.(source)
	if !ok {
		s := &reading{from: d.from, b: buf.Get(buf.Small)}
		defer buf.Put(s.b)
		src = s
	}
	for {
		b, err := src.Next(buf.Medium)
		if len(b) > 0 {
			if err := d.pass(b); err != nil {
				return fmt.Errorf("%w: %w", errDeaf, err)
			}
			src.Consume(len(b))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// parted reports whether a Close frame was the last that passed: how its sender
// ends the connection does not matter then.
func (d *direction) parted() bool {
	<-d.turn
	defer func() { d.turn <- struct{}{} }()
	return d.closed || d.frames.Closing() && d.frames.Between()
}

// end ends the direction: nobody writes to its end from now on.
func (d *direction) end() {
	<-d.turn
	if !d.closed && d.leaving.Load() && d.frames.Between() && !d.frames.Closing() {
		_ = d.sendClose() // the other end was told first and left at once
	}
	d.closed = true
	_ = d.to.CloseWrite()
	close(d.done)
	d.turn <- struct{}{}
}

// reading makes a source of a pipe that can only be read.
type reading struct {
	from exchange.Pipe
	b    []byte
}

func (r *reading) Next(int) ([]byte, error) {
	n, err := r.from.Read(r.b)
	return r.b[:n], err
}

func (r *reading) Consume(int) {}

// pass sends b on, or the part of it before our Close frame.
func (d *direction) pass(b []byte) error {
	d.moved.Store(true)
	<-d.turn
	defer func() { d.turn <- struct{}{} }()
	for rest := b; d.framed && len(rest) > 0 && !d.closed; {
		rest = rest[d.frames.Next(rest):]
		switch {
		case d.frames.Closing():
			d.leaves = false // they part without our help
			if d.frames.Between() {
				d.closed = true
				_, err := d.to.Write(b[:len(b)-len(rest)])
				return err
			}
		case d.leaves && d.frames.Between():
			if _, err := d.to.Write(b[:len(b)-len(rest)]); err != nil {
				return err
			}
			return d.sendClose()
		}
	}
	if d.closed {
		return nil
	}
	_, err := d.to.Write(b)
	return err
}

// sendClose ends the direction with a Close frame. The caller has the turn.
func (d *direction) sendClose() error {
	d.closed = true
	var b [8]byte
	if _, err := d.to.Write(websocket.AppendClose(b[:0], websocket.GoingAway, d.masked)); err != nil {
		return err
	}
	return d.to.CloseWrite()
}

// leave sends a Close frame as soon as no other one is under way.
func (d *direction) leave(ctx context.Context) {
	select {
	case <-d.turn:
	case <-d.done:
		return
	case <-ctx.Done():
		return
	}
	defer func() { d.turn <- struct{}{} }()
	switch {
	case d.closed || d.frames.Closing():
	case d.frames.Between():
		_ = d.sendClose() // who reads from the other end notices
	default:
		d.leaves = true
	}
}
