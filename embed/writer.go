package embed

import (
	"net/http"
	"sync"
)

// writer is the http.ResponseWriter at the bottom of a middleware.
type writer struct {
	r        *run
	bodiless bool // the request is a HEAD

	mu     sync.Mutex // held for the moment: two goroutines of a middleware may write
	header http.Header
	status int // 0: no head yet
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. Interim statuses but 101 are not
// passed on.
func (w *writer) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.mu.Lock()
	first := w.status == 0
	if first {
		w.status = status
	}
	w.mu.Unlock()
	if first {
		w.r.send(event{kind: headWritten, status: status, header: w.header.Clone()})
	}
}

// Write implements http.ResponseWriter: it returns when p was passed on.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	status := w.status
	w.mu.Unlock()
	if status == 0 {
		if _, known := w.header["Content-Type"]; !known && w.header.Get("Content-Encoding") == "" && len(p) > 0 {
			w.header.Set("Content-Type", http.DetectContentType(p))
		}
		status = http.StatusOK
		w.WriteHeader(status)
	}
	switch {
	case w.bodiless || len(p) == 0:
		return len(p), nil
	case bodiless(status):
		return 0, http.ErrBodyNotAllowed
	}
	if a := w.r.ask(event{kind: written, p: p}); a.err != nil { // also when there is more than Content-Length said
		return 0, a.err
	}
	return len(p), nil
}

// Flush implements http.Flusher: what was written is on its way already.
func (w *writer) Flush() {
	w.mu.Lock()
	status := w.status
	w.mu.Unlock()
	if status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}

// take returns the header of an answer without a head, which is one with status
// 200. The handler has returned.
func (w *writer) take() http.Header {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = http.StatusOK
	return w.header.Clone()
}
