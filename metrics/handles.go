package metrics

import "sync"

// handles are things with a name that several users hold at a time: a new
// route table is made before the old one is dropped, and what was counted must
// not start from zero because of that.
type handles[T held] struct {
	mu     sync.Mutex
	limit  int // 0 means none
	byName map[string]T
}

// held is what handles hold.
type held interface {
	comparable
	users() *int32 // guarded by handles.mu
}

func (h *handles[T]) make(limit int) { h.limit, h.byName = limit, map[string]T{} }

// acquire returns the thing called name for one more user, made by create for
// the first. ok is false when there are too many.
func (h *handles[T]) acquire(name string, create func() T) (t T, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, found := h.byName[name]
	if !found {
		if h.limit > 0 && len(h.byName) >= h.limit {
			return t, false
		}
		t = create()
		h.byName[name] = t
	}
	*t.users()++
	return t, true
}

// release takes back one acquire; the last one removes t.
func (h *handles[T]) release(name string, t T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*t.users()--
	if *t.users() == 0 && h.byName[name] == t {
		delete(h.byName, name)
	}
}

// each calls visit with everything that is held. visit must be quick and must
// not use h.
func (h *handles[T]) each(visit func(T)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.byName {
		visit(t)
	}
}
