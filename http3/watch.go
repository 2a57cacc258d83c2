package http3

import (
	"context"
	"sync"

	"fairlead.dev/fairlead/exchange"
)

// watch tells who has to know that the client gave up the exchange.
type watch struct {
	mu   sync.Mutex
	stop func() bool // ends the watching of the stream's context
	fn   func()
	up   exchange.Upstream
	gone bool
	over bool // the response is complete: nobody cares any more
}

// Gone implements exchange.Downstream.
func (st *stream) Gone() bool {
	w := st.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone || !w.over && st.q.Context().Err() != nil
}

// OnGone implements exchange.Downstream.
func (st *stream) OnGone(fn func()) {
	w := st.watch
	w.mu.Lock()
	w.fn = fn
	w.begin(st.q.Context())
	gone := w.gone
	w.mu.Unlock()
	if gone && fn != nil {
		fn()
	}
}

// Pair implements exchange.Downstream.
func (st *stream) Pair(u exchange.Upstream) {
	w := st.watch
	w.mu.Lock()
	w.up = u
	w.begin(st.q.Context())
	gone := w.gone
	w.mu.Unlock()
	if gone {
		u.Interrupt()
	}
}

// Unpair implements exchange.Downstream.
func (st *stream) Unpair() bool {
	w := st.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	alone := w.up == nil || !w.gone
	w.up = nil
	return alone
}

// begin watches the stream: its context ends when the client stops reading it or
// the connection ends. The caller holds the lock.
func (w *watch) begin(ctx context.Context) {
	if w.stop == nil && !w.over {
		w.stop = context.AfterFunc(ctx, w.fired)
	}
}

// fired is called when the client gave up. Interrupt runs under the lock, so that
// whoever has unpaired can be sure that it does not come any more.
func (w *watch) fired() {
	w.mu.Lock()
	if w.over || w.gone {
		w.mu.Unlock()
		return
	}
	w.gone = true
	fn := w.fn
	if w.up != nil {
		w.up.Interrupt()
	}
	w.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// end stops the watching. It is called before the stream is closed from here,
// which ends its context too.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.fn, w.up = nil, nil
}

// left reports whether the client gave up before the end.
func (w *watch) left() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}
