package main

import (
	"encoding/binary"

	"fairlead.dev/fairlead/bench/frame"
)

const (
	messageBody = 100
	messageSize = 5 + messageBody // a flag and the length come first
	// connWindow is what a client may send on a connection; it is given back by
	// halves. No stream sends as much as streamWindow.
	connWindow   = 1 << 30
	streamWindow = 1 << 20
	// refused is the code of a stream with another length: INTERNAL_ERROR, which
	// no client takes for a reason to try again.
	refused = 2
)

// h2conn answers gRPC calls. It does not decode what it is asked.
type h2conn struct {
	preface int // bytes of it still to come
	cut     frame.Cutter
	reply   *frame.Blocks // head and trailers
	message []byte
	out     []byte // what the last input brought

	credit  int64          // bytes of DATA that the client takes
	owed    int            // bytes of DATA that were not given back
	calls   map[uint32]int // bytes of the message, by stream
	blocked []uint32       // streams whose answer waits for credit
}

func newH2() *h2conn {
	h := &h2conn{
		preface: len(frame.Preface), credit: frame.FirstWindow, calls: map[uint32]int{},
		reply: frame.NewBlocks(
			frame.Fields(":status", "200", "content-type", "application/grpc"), frame.Fields("grpc-status", "0", "grpc-message", "")),
		message: make([]byte, messageSize),
	}
	binary.BigEndian.PutUint32(h.message[1:], messageBody)
	return h
}

// feedH2 takes input; the answers of all of it go out together.
func (c *conn) feedH2(b []byte) {
	h := c.h2
	out := h.out[:0] // nothing is being written when there is input
	if h.preface == len(frame.Preface) {
		out = frame.AppendSettings(out, frame.InitialWindowSize, streamWindow, frame.MaxConcurrentStreams, 1000)
		out = frame.AppendWindow(out, 0, connWindow-frame.FirstWindow)
	}
	n := min(h.preface, len(b))
	h.preface -= n
	err := h.cut.Feed(b[n:], func(head frame.Head, content []byte) error {
		var err error
		out, err = h.frame(out, head, content)
		return err
	})
	if h.owed > connWindow/2 {
		out = frame.AppendWindow(out, 0, uint32(h.owed))
		h.owed = 0
	}
	h.out, c.out, c.last = out, out, err != nil
}

func (h *h2conn) frame(out []byte, head frame.Head, content []byte) ([]byte, error) {
	switch head.Type {
	case frame.Headers:
		if head.Has(frame.EndStream) {
			return h.refuse(out, head.Stream), nil
		}
		h.calls[head.Stream] = 0
	case frame.Data:
		h.owed += len(content)
		content, err := frame.Content(head, content)
		if err != nil {
			return out, err
		}
		h.calls[head.Stream] += len(content)
		if head.Has(frame.EndStream) {
			return h.end(out, head.Stream), nil
		}
	case frame.Reset:
		delete(h.calls, head.Stream)
	case frame.Settings:
		if !head.Has(frame.Ack) {
			frame.EachSetting(content, func(what uint16, value uint32) {
				if what == frame.HeaderTableSize {
					h.reply.Limit(value)
				}
			})
			out = frame.Append(out, frame.Head{Type: frame.Settings, Flags: frame.Ack}, nil)
		}
	case frame.WindowUpdate:
		if head.Stream == 0 {
			h.credit += int64(frame.Number(content, 0))
			out = h.answer(out)
		}
	case frame.Ping:
		if !head.Has(frame.Ack) {
			out = frame.Append(out, frame.Head{Type: frame.Ping, Flags: frame.Ack}, content)
		}
	}
	return out, nil
}

// end answers a call that came whole.
func (h *h2conn) end(out []byte, stream uint32) []byte {
	size := h.calls[stream]
	delete(h.calls, stream)
	if size != messageSize {
		return h.refuse(out, stream)
	}
	h.blocked = append(h.blocked, stream)
	return h.answer(out)
}

// answer sends the answers that the connection's window has room for.
func (h *h2conn) answer(out []byte) []byte {
	sent := 0
	for _, stream := range h.blocked {
		if h.credit < messageSize {
			break
		}
		h.credit -= messageSize
		blocks := h.reply.Next()
		out = frame.Append(out, frame.Head{Type: frame.Headers, Flags: frame.EndHeaders, Stream: stream}, blocks[0])
		out = frame.Append(out, frame.Head{Type: frame.Data, Stream: stream}, h.message)
		out = frame.Append(out, frame.Head{Type: frame.Headers, Flags: frame.EndHeaders | frame.EndStream, Stream: stream}, blocks[1])
		sent++
	}
	h.blocked = h.blocked[:copy(h.blocked, h.blocked[sent:])]
	return out
}

func (h *h2conn) refuse(out []byte, stream uint32) []byte {
	return frame.Append(out, frame.Head{Type: frame.Reset, Stream: stream}, binary.BigEndian.AppendUint32(nil, refused))
}
