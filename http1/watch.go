package http1

import (
	"sync"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
)

// watch tells who has to know that the client went away.
type watch struct {
	pair *sock.Conn // of the backend, when both ends are connections

	mu   sync.Mutex
	on   bool
	gone bool
	fn   func()
	up   exchange.Upstream
	fire func()    // fired, bound once
	told sync.Cond // of gone
}

// OnGone implements exchange.Downstream.
func (x *Exchange) OnGone(fn func()) {
	w := &x.watch
	w.mu.Lock()
	w.fn = fn
	gone := w.gone
	w.mu.Unlock()
	if gone && fn != nil {
		fn()
		return
	}
	x.beginWatch()
}

// Pair implements exchange.Downstream.
func (x *Exchange) Pair(u exchange.Upstream) {
	w := &x.watch
	if c, ok := u.(*Client); ok {
		up, isConn := c.s.(*sock.Conn)
		down, isToo := x.conn.s.(*sock.Conn)
		if isConn && isToo {
			up.Pair(down)
			w.pair = up
			return
		}
	}
	w.mu.Lock()
	w.up = u
	gone := w.gone
	w.mu.Unlock()
	if gone {
		u.Interrupt()
		return
	}
	x.beginWatch()
}

// Unpair implements exchange.Downstream.
func (x *Exchange) Unpair() bool {
	w := &x.watch
	if up := w.pair; up != nil {
		w.pair = nil
		return up.Unpair()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	alone := w.up == nil || !w.gone
	w.up = nil
	return alone
}

func (x *Exchange) beginWatch() {
	w := &x.watch
	if w.on {
		return
	}
	w.on = true
	if w.fire == nil {
		w.fire, w.told.L = w.fired, &w.mu
	}
	x.conn.s.OnGone(w.fire)
}

func (w *watch) fired() {
	w.mu.Lock()
	fn := w.fn
	w.gone = true
	if w.up != nil {
		w.up.Interrupt() // with the lock: after Unpair it may serve somebody else
	}
	w.told.Broadcast()
	w.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// endWatch is called when the exchange ends.
func (x *Exchange) endWatch() {
	w := &x.watch
	if !w.on {
		return
	}
	late := x.conn.s.OnGone(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	for late && !w.gone { // the next exchange must not be told
		w.told.Wait()
	}
	w.on, w.gone, w.fn, w.up = false, false, nil, nil
}
