package http2

import (
	"runtime"
	"sync"

	"fairlead.dev/fairlead/kit/buf"
)

// The bounds of what waits to be written on one connection.
const (
	// outMost is how much streams may have gathered before they have to wait.
	outMost = 48 << 10
	// controlMost bounds the answers to what the peer sent (acknowledgements,
	// resets): a peer that asks and does not read is an attacker.
	controlMost = 16 << 10
)

// writer gathers the frames of all streams of a connection and writes them
// together. Whoever has appended something calls flush; if nobody writes at the
// time, it writes for all, after it has let others append as well.
//
// All of its methods but those that say otherwise are called with mu held.
type writer struct {
	conn Conn
	mu   *sync.Mutex
	room sync.Cond // signals that there is room again, or that err is set

	out     []byte // gathered, in pooled memory; nil when there is nothing
	control int    // bytes of control frames in out
	writing bool
	err     error // why nothing can be written any more
	closed  bool  // nothing more may be appended
	ending  bool  // the sending direction ends when all is written
	endedAt int64 // when it did
	begun   int64 // when the write under way began, 0: none
	now     func() int64
	written int64 // bytes
	taken   int   // how often out was taken
	live    sync.WaitGroup
}

func (w *writer) begin(conn Conn, mu *sync.Mutex, now func() int64) {
	w.conn, w.mu, w.now = conn, mu, now
	w.room.L = mu
}

// reserve makes sure that n more bytes fit into out without a new allocation by
// append.
func (w *writer) reserve(n int) {
	need := len(w.out) + n
	if need <= cap(w.out) {
		return
	}
	next := buf.Get(max(need, buf.Small))
	k := copy(next, w.out)
	if w.out != nil {
		buf.Put(w.out[:0])
	}
	w.out = next[:k]
}

// roomFor returns out with room for n more bytes.
func (w *writer) roomFor(n int) []byte {
	w.reserve(n)
	return w.out
}

// full reports whether streams have to wait before they append more.
func (w *writer) full() bool { return len(w.out) >= outMost && w.err == nil }

// wait waits until streams may append. The lock is released meanwhile.
func (w *writer) wait() {
	for w.full() {
		if !w.writing {
			w.flush(false)
			continue
		}
		w.room.Wait()
	}
}

// asked says that n bytes of out answer the peer. It returns a *ConnError when
// the peer does not read them.
func (w *writer) asked(n int) error {
	if w.control += n; w.control > controlMost {
		return connError(CodeEnhanceYourCalm, "the peer does not read the answers to what it sends")
	}
	return nil
}

// rounds is how often one caller of flush writes for the others.
const rounds = 4

// flush writes what was gathered unless somebody else does. gather says that
// other streams may be about to append. The lock is released meanwhile.
func (w *writer) flush(gather bool) {
	if w.writing || len(w.out) == 0 {
		return
	}
	w.writing = true
	if gather {
		w.mu.Unlock()
		runtime.Gosched()
		w.mu.Lock()
	}
	for range rounds {
		if !w.once() {
			w.rest()
			return
		}
	}
	w.live.Go(w.run) // the others go on without the caller
}

// kick has what was gathered written by somebody else: the reader must not wait
// for a peer that itself waits.
func (w *writer) kick() {
	if w.writing || len(w.out) == 0 {
		return
	}
	w.writing = true
	w.live.Go(w.run)
}

// run writes until there is nothing. The lock is not held by the caller.
func (w *writer) run() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.once() {
	}
	w.rest()
}

// rest says that nobody writes now.
func (w *writer) rest() {
	w.writing = false
	w.room.Broadcast()
}

// settle waits until nothing is left to be written, or can be.
func (w *writer) settle() {
	for w.writing {
		w.room.Wait()
	}
}

// once writes what was gathered; false when there is nothing.
func (w *writer) once() bool {
	out := w.out
	if len(out) == 0 {
		return w.endNow()
	}
	w.out, w.control = nil, 0
	w.taken++
	w.room.Broadcast()
	if w.err == nil {
		w.begun = w.now()
		w.mu.Unlock()
		err := w.conn.WriteTwo(out, nil)
		w.mu.Lock()
		w.begun = 0
		w.written += int64(len(out))
		if err != nil {
			w.fail(err)
		}
	}
	buf.Put(out[:0])
	return true
}

// endNow ends the sending direction if that was asked for.
func (w *writer) endNow() (again bool) {
	if !w.ending || w.err != nil {
		return false
	}
	w.ending = false
	w.begun = w.now()
	w.mu.Unlock()
	_ = w.conn.CloseWrite()
	w.mu.Lock()
	w.begun, w.endedAt = 0, w.now()
	return true
}

// finish ends the sending direction behind what was gathered.
func (w *writer) finish() {
	w.ending = true
	if w.writing {
		return
	}
	w.writing = true
	w.live.Go(w.run)
}

// drop gives back the memory of what was never written. Nobody writes.
func (w *writer) drop() {
	if w.out != nil {
		buf.Put(w.out[:0])
		w.out = nil
	}
}

// fail makes all that follow fail with err.
func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.room.Broadcast()
}
