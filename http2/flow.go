package http2

// mostWindow is the largest window (RFC 9113 6.9.1).
const mostWindow = 1<<31 - 1

// sendWindow is how much may be sent. A change of SETTINGS_INITIAL_WINDOW_SIZE
// can make it negative (RFC 9113 6.9.2).
type sendWindow struct{ n int64 }

// add changes the window by n; false when it would be too large.
func (w *sendWindow) add(n int64) bool {
	if w.n+n > mostWindow {
		return false
	}
	w.n += n
	return true
}

// left returns how much may be sent now.
func (w *sendWindow) left() int { return int(max(w.n, 0)) }

// take says that n bytes are sent.
func (w *sendWindow) take(n int) { w.n -= int64(n) }

// recvWindow is how much the peer may still send, and what it is owed for what
// was used here.
type recvWindow struct {
	size int // what the peer may send at once
	left int // what it may still send
	owed int // used here and not announced yet
}

// begin makes a full window of size bytes.
func (w *recvWindow) begin(size int) { *w = recvWindow{size: size, left: size} }

// take says that n bytes came; false when the peer was not allowed to send them.
func (w *recvWindow) take(n int) bool {
	if n > w.left {
		return false
	}
	w.left -= n
	return true
}

// give says that n bytes were used here. It returns the increment to announce, 0
// as long as that is not worth a frame.
func (w *recvWindow) give(n int) uint32 {
	w.owed += n
	if w.owed < w.size/4 {
		return 0
	}
	n, w.owed = w.owed, 0
	w.left += n
	return uint32(n)
}
