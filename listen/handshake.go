package listen

import (
	"container/list"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"fairlead.dev/fairlead/kit/sock"
)

// challengeProtocol is what the ACME challenge calls itself in ALPN (RFC 8737
// 6.2): such a connection is over when its handshake is.
const challengeProtocol = "acme-tls/1"

// handshakes are those under way, the oldest first. An honest client needs a
// round trip or two, so that who is ended in favour of newer ones is one who
// only wants to hold a place.
type handshakes struct {
	most int // 0: no limit

	mu      sync.Mutex
	list    list.List
	clients map[netip.Prefix]*list.List // the same for each client
}

// share is the part of all places that a client may take from others: from then
// on its handshakes make place for each other.
const share = 8

// handshake is one that is under way. It is the sock.Gate of its connection:
// it holds a slot while it computes and none while it waits for its client.
type handshake struct {
	gate     *Gate
	client   netip.Prefix
	conn     *sock.Conn
	deadline time.Time
	place    *list.Element // in the list of all
	mine     *list.Element // in that of its client
	slot     bool
	crowded  bool // ended in favour of newer ones; guarded by the list's lock
}

// begin enters h, at the cost of the oldest if need be: of the same client, if it
// has its share already, or else of all.
func (s *handshakes) begin(h *handshake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.clients[h.client]
	if s.most > 0 && s.list.Len() >= s.most {
		from := &s.list
		if mine != nil && mine.Len() > s.most/share {
			from = mine
		}
		if oldest, ok := from.Front().Value.(*handshake); ok {
			s.remove(oldest)
			oldest.crowded = true
			// Under the lock, so that end comes later: the connection is not served then.
			oldest.conn.Interrupt()
		}
		mine = s.clients[h.client]
	}
	if mine == nil {
		mine = list.New()
		s.clients[h.client] = mine
	}
	h.place, h.mine = s.list.PushBack(h), mine.PushBack(h)
}

// remove takes h out of the lists; the lock is held.
func (s *handshakes) remove(h *handshake) {
	s.list.Remove(h.place)
	mine := s.clients[h.client]
	mine.Remove(h.mine)
	if mine.Len() == 0 {
		delete(s.clients, h.client)
	}
}

// end reports whether h was ended in favour of newer ones.
func (s *handshakes) end(h *handshake) (crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !h.crowded {
		s.remove(h)
	}
	return h.crowded
}

// interrupt ends all.
func (s *handshakes) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.list.Front(); e != nil; e = e.Next() {
		if h, ok := e.Value.(*handshake); ok {
			h.conn.Interrupt()
		}
	}
}

// Enter implements sock.Gate: it waits for a slot until the handshake's time is
// up.
func (h *handshake) Enter() error {
	if err := h.gate.slots.enter(h.client, h.deadline); err != nil {
		return err
	}
	h.slot = true
	return nil
}

// Leave implements sock.Gate.
func (h *handshake) Leave() {
	if h.slot {
		h.slot = false
		h.gate.slots.leave()
	}
}

// secure makes the TLS connection over nc; nil when it is over.
func (l *Listener) secure(nc net.Conn, from origin) (*sock.Conn, *tls.ConnectionState) {
	low := sock.NewLower(nc)
	tc := tls.Server(low, l.cfg.TLS)
	c := sock.Wrap(tc, l.cfg.Sweeper)
	from.set(c)
	g := l.cfg.Gate
	limit := g.opts.HandshakeTimeout
	began := time.Now()
	client := addressOf(nc)
	if from.known {
		client = from.remote.Addr()
	}
	h := &handshake{gate: g, client: clientOf(client), conn: c, deadline: began.Add(limit)}
	c.SetTimeout(c.Now(), limit)
	g.handshakes.begin(h)
	err := h.run(low, tc)
	if g.handshakes.end(h) {
		err = errCrowded
	}
	if err != nil {
		l.failed(nc, tc, c, err)
		_ = c.Close()
		return nil, nil
	}
	c.SetTimeout(c.Now(), 0)
	l.cfg.Handshake(time.Since(began))
	state := tc.ConnectionState()
	if state.NegotiatedProtocol == challengeProtocol {
		_ = c.Close()
		return nil, nil
	}
	return c, &state
}

var errCrowded = errors.New("too many handshakes are under way and this one is the oldest")

// failed says why a handshake failed, to the log and where possible to the
// client.
func (l *Listener) failed(nc net.Conn, tc *tls.Conn, c *sock.Conn, err error) {
	why := classify(err)
	if why == RefusedTLSPlainHTTP {
		answerPlain(nc)
	}
	if why == RefusedTLSLeft && errors.Is(err, io.EOF) {
		l.cfg.Refused(why) // load balancers that only look whether we are there
		return
	}
	l.report.refusal(why, "listener", l.cfg.Name, "client", c.Remote().String(),
		"server_name", tc.ConnectionState().ServerName, "error", err)
}

// run does the handshake.
func (h *handshake) run(low net.Conn, tc *tls.Conn) error {
	lower, ok := low.(*sock.Lower)
	if ok {
		lower.SetGate(h)
		defer lower.SetGate(nil)
	}
	if err := h.Enter(); err != nil {
		return err
	}
	defer h.Leave()
	return tc.Handshake()
}

// answerTime bounds how long a client that took us for HTTP gets to read why it
// is wrong.
const answerTime = 500 * time.Millisecond

const plainAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 42\r\nConnection: close\r\n\r\n" +
	"This port speaks HTTPS: ask with https://\n"

// answerPlain tells a client that this port speaks HTTPS.
func answerPlain(nc net.Conn) {
	_ = nc.SetDeadline(time.Now().Add(answerTime))
	if _, err := io.WriteString(nc, plainAnswer); err != nil {
		return
	}
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
	// What is left unread would make the end a reset that overtakes the answer.
	_, _ = io.CopyN(io.Discard, nc, 64<<10)
}
