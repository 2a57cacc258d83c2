package drive

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"

	"fairlead.dev/fairlead/bench/frame"
)

const (
	// streamWindow is what a server may send on a stream; answers are smaller,
	// so that no stream needs an update.
	streamWindow = 1 << 20
	// connWindow is the same for the connection; it is given back by halves.
	connWindow = 1 << 30
	// messageHead is the flag and the length in front of a gRPC message.
	messageHead = 5
)

// mux is the client's side of an HTTP/2 connection, without its socket.
type mux struct {
	plan     *plan
	answered func(latency int64)

	cut     frame.Cutter
	out     []byte // frames to be written
	taken   []byte // those that are being written
	request *frame.Blocks
	message []byte // gRPC: the request's message
	decode  *hpack.Decoder

	settled bool  // the server's settings came
	allowed int   // exchanges it allows at the same time
	credit  int64 // bytes of DATA it takes on the connection
	window  int64 // the same for a new stream
	owed    int   // bytes of DATA that were received and not given back
	leaving bool  // the server takes no more requests

	streams map[uint32]*stream
	blocked []uint32 // streams whose message waits for credit
	spare   []*stream
	next    uint32

	block []byte // header block that came in pieces
	of    frame.Head
	head  answerHead // what was decoded last
}

// stream is one exchange.
type stream struct {
	begun    int64
	answered bool // the head of the answer came
	body     int  // bytes of it
	prefix   [messageHead]byte
}

// answerHead is what counts of a head, and of trailers.
type answerHead struct {
	status, length, kind, grpc string
}

func newMux(p *plan, answered func(latency int64)) *mux {
	m := &mux{
		plan: p, answered: answered, request: frame.NewBlocks(p.fields), streams: map[uint32]*stream{}, next: 1,
		allowed: p.Streams, credit: frame.FirstWindow, window: frame.FirstWindow,
	}
	m.decode = hpack.NewDecoder(4096, m.field)
	if p.Mode == GRPC {
		m.message = make([]byte, messageHead+p.expect)
		binary.BigEndian.PutUint32(m.message[1:], uint32(p.expect))
	}
	m.out = append(m.out, frame.Preface...)
	m.out = frame.AppendSettings(m.out, frame.EnablePush, 0, frame.InitialWindowSize, streamWindow)
	m.out = frame.AppendWindow(m.out, 0, connWindow-frame.FirstWindow)
	return m
}

// take returns what is to be written; it is valid until the second next call.
func (m *mux) take() []byte {
	b := m.out
	m.out, m.taken = m.taken[:0], b
	return b
}

// ended says that the server is leaving and owes no answer.
func (m *mux) ended() bool { return m.leaving && len(m.streams) == 0 }

// fill begins exchanges until there are as many as the plan has.
func (m *mux) fill(now int64) {
	for m.settled && !m.leaving && len(m.streams) < m.plan.Streams {
		s := &stream{}
		if n := len(m.spare); n > 0 {
			s, m.spare = m.spare[n-1], m.spare[:n-1]
		}
		*s = stream{begun: now}
		m.streams[m.next] = s
		h := frame.Head{Type: frame.Headers, Flags: frame.EndHeaders, Stream: m.next}
		if m.message == nil {
			h.Flags |= frame.EndStream
		}
		m.out = frame.Append(m.out, h, m.request.Next()[0])
		if m.message != nil {
			m.blocked = append(m.blocked, m.next)
			m.sendMessages()
		}
		m.next += 2
	}
}

// sendMessages sends the messages that the connection's window has room for.
func (m *mux) sendMessages() {
	sent := 0
	for _, id := range m.blocked {
		if m.credit < int64(len(m.message)) {
			break
		}
		if m.streams[id] != nil {
			m.credit -= int64(len(m.message))
			m.out = frame.Append(m.out, frame.Head{Type: frame.Data, Flags: frame.EndStream, Stream: id}, m.message)
		}
		sent++
	}
	m.blocked = m.blocked[:copy(m.blocked, m.blocked[sent:])]
}

// feed takes what was read.
func (m *mux) feed(b []byte, now int64) error {
	err := m.cut.Feed(b, func(h frame.Head, content []byte) error { return m.frame(h, content, now) })
	if m.owed > connWindow/2 {
		m.out = frame.AppendWindow(m.out, 0, uint32(m.owed))
		m.owed = 0
	}
	return err
}

func (m *mux) frame(h frame.Head, content []byte, now int64) error {
	if len(m.block) > 0 && h.Type != frame.Continuation {
		return errAnswer("header block without its end")
	}
	switch h.Type {
	case frame.Headers:
		m.of = h
		block, err := frame.Content(h, content)
		if err != nil {
			return err
		}
		return m.headers(h, block, now)
	case frame.Continuation:
		return m.headers(h, content, now)
	case frame.Data:
		return m.data(h, content, now)
	case frame.Settings:
		return m.settings(h, content)
	case frame.WindowUpdate:
		if h.Stream == 0 {
			m.credit += int64(frame.Number(content, 0))
			m.sendMessages()
		}
	case frame.Ping:
		if !h.Has(frame.Ack) {
			m.out = frame.Append(m.out, frame.Head{Type: frame.Ping, Flags: frame.Ack}, content)
		}
	case frame.Reset:
		if m.streams[h.Stream] != nil {
			return errAnswer(fmt.Sprintf("stream reset with code %d", frame.Number(content, 0)))
		}
	case frame.GoAway:
		return m.goAway(content)
	case frame.Push:
		return errAnswer("push that was not allowed")
	}
	return nil
}

// goAway drops the exchanges that the server did not take up.
func (m *mux) goAway(content []byte) error {
	if code := frame.Number(content, 4); code != 0 {
		return errAnswer(fmt.Sprintf("server goes away with code %d %q", code, content[min(8, len(content)):]))
	}
	m.leaving = true
	for id := range m.streams {
		if id > frame.Number(content, 0) {
			delete(m.streams, id)
		}
	}
	return nil
}

func (m *mux) settings(h frame.Head, content []byte) error {
	if h.Has(frame.Ack) {
		return nil
	}
	frame.EachSetting(content, func(what uint16, value uint32) {
		switch what {
		case frame.HeaderTableSize:
			m.request.Limit(value)
		case frame.MaxConcurrentStreams:
			m.allowed = int(value)
		case frame.InitialWindowSize:
			m.window = int64(value)
		}
	})
	m.settled = true
	m.out = frame.Append(m.out, frame.Head{Type: frame.Settings, Flags: frame.Ack}, nil)
	if m.allowed < m.plan.Streams {
		return errAnswer(fmt.Sprintf("%d streams allowed, want %d", m.allowed, m.plan.Streams))
	}
	if m.window < int64(len(m.message)) {
		return errAnswer(fmt.Sprintf("stream window of %d bytes, want %d", m.window, len(m.message)))
	}
	return nil
}

// headers takes a piece of a header block.
func (m *mux) headers(h frame.Head, piece []byte, now int64) error {
	if h.Stream != m.of.Stream || m.streams[h.Stream] == nil {
		return errAnswer("header for a stream that is not open")
	}
	if !h.Has(frame.EndHeaders) || len(m.block) > 0 {
		m.block = append(m.block, piece...)
		if len(m.block) > 64<<10 {
			return errAnswer("endless head")
		}
		if !h.Has(frame.EndHeaders) {
			return nil
		}
		piece = m.block
	}
	m.head = answerHead{}
	if _, err := m.decode.Write(piece); err != nil {
		return errAnswer("header block: " + err.Error())
	}
	if err := m.decode.Close(); err != nil {
		return errAnswer("header block: " + err.Error())
	}
	m.block = m.block[:0]
	s := m.streams[h.Stream]
	if err := m.checkHead(s); err != nil {
		return err
	}
	if m.of.Has(frame.EndStream) {
		return m.end(h.Stream, s, now)
	}
	return nil
}

func (m *mux) field(f hpack.HeaderField) {
	switch f.Name {
	case ":status":
		m.head.status = f.Value
	case "content-length":
		m.head.length = f.Value
	case "content-type":
		m.head.kind = f.Value
	case "grpc-status":
		m.head.grpc = f.Value
	}
}

func (m *mux) checkHead(s *stream) error {
	h := m.head
	switch {
	case s.answered && (h.status != "" || !m.of.Has(frame.EndStream)):
		return errAnswer("second head")
	case s.answered:
		return nil // trailers
	case len(h.status) == 3 && h.status[0] == '1':
		return nil
	case h.status != "200":
		return errAnswer(fmt.Sprintf("status %q", h.status))
	case m.message != nil && !strings.HasPrefix(h.kind, "application/grpc"):
		return errAnswer(fmt.Sprintf("content-type %q, want application/grpc", h.kind))
	case m.message == nil && h.length != "" && h.length != strconv.Itoa(m.plan.expect):
		return errAnswer(fmt.Sprintf("body of %s bytes, want %d", h.length, m.plan.expect))
	}
	s.answered = true
	return nil
}

func (m *mux) data(h frame.Head, content []byte, now int64) error {
	s := m.streams[h.Stream]
	if s == nil || !s.answered {
		return errAnswer("data for a stream that is not open")
	}
	m.owed += len(content)
	content, err := frame.Content(h, content)
	if err != nil {
		return err
	}
	if s.body < messageHead {
		copy(s.prefix[s.body:], content)
	}
	s.body += len(content)
	if h.Has(frame.EndStream) {
		m.head = answerHead{}
		return m.end(h.Stream, s, now)
	}
	return nil
}

// end checks an answer that is complete; m.head has its trailers.
func (m *mux) end(id uint32, s *stream, now int64) error {
	want := m.plan.expect
	if m.message != nil {
		want += messageHead
	}
	switch {
	case !s.answered:
		return errAnswer("answer without a head")
	case m.message != nil && m.head.grpc != "0":
		return errAnswer(fmt.Sprintf("grpc-status %q at the end of the answer", m.head.grpc))
	case s.body != want:
		return errAnswer(fmt.Sprintf("body of %d bytes, want %d", s.body, want))
	case m.message != nil && (s.prefix[0] != 0 || int(binary.BigEndian.Uint32(s.prefix[1:])) != m.plan.expect):
		return errAnswer(fmt.Sprintf("message begins with %x", s.prefix))
	}
	delete(m.streams, id)
	m.spare = append(m.spare, s)
	m.answered(now - s.begun)
	return nil
}
