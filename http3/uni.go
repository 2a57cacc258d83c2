package http3

import (
	"errors"
	"io"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"fairlead.dev/fairlead/kit/buf"
)

// mostUniStreams bounds the unidirectional streams that a client may open in the
// whole life of its connection: it needs three.
const mostUniStreams = 32

// acceptUni serves the client's unidirectional streams.
func (c *conn) acceptUni() {
	for {
		q, err := c.q.AcceptUniStream(c.context())
		if err != nil {
			return
		}
		c.wg.Go(func() {
			in := &input{s: q}
			defer in.release()
			c.ended(c.readUni(q, in))
		})
	}
}

// readUni reads one stream to its end (RFC 9114 6.2, RFC 9204 4.2).
func (c *conn) readUni(q *quic.ReceiveStream, in *input) error {
	kind, n, err := in.varint(0, true)
	if err != nil {
		return nil //nolint:nilerr // a stream may end before it says what it is
	}
	in.r += n
	switch kind {
	case streamControl, streamEncoder, streamDecoder:
	case streamPush:
		return connError(CodeStreamCreation, "a push stream of a client")
	default:
		q.CancelRead(CodeStreamCreation.stream())
		return nil
	}
	if !c.only(kind) {
		return connError(CodeStreamCreation, "a second stream of kind 0x%x", kind)
	}
	switch kind {
	case streamControl:
		err = c.readControl(in)
	case streamEncoder:
		err = readEncoder(in)
	default:
		err = c.readDecoder(in)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errReset) {
		return connError(CodeClosedCriticalStream, "the stream of kind 0x%x was closed", kind)
	}
	return err
}

// only reports whether there was no stream of the kind.
func (c *conn) only(kind uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.unis[kind]
	c.unis[kind] = true
	return first
}

// readControl reads the client's control stream.
func (c *conn) readControl(in *input) error {
	kind, length, err := in.frame(true)
	switch {
	case err != nil:
		return err
	case kind != frameSettings:
		return connError(CodeMissingSettings, "the control stream begins with frame 0x%x", kind)
	case length > mostSettings:
		return connError(CodeExcessiveLoad, "SETTINGS with %d bytes", length)
	}
	if err := in.need(int(length), true); err != nil {
		return err
	}
	if err := checkSettings(in.unread()[:length]); err != nil {
		return err
	}
	in.r += int(length)
	last := ids{goAway: mostID + 3}
	for {
		kind, length, err := in.frame(true)
		if err != nil {
			return err
		}
		if err := c.controlFrame(in, kind, length, &last); err != nil {
			return err
		}
	}
}

// ids are what a client may change in one direction only (RFC 9114 5.2, 7.2.7).
type ids struct{ goAway, maxPush uint64 }

func (c *conn) controlFrame(in *input, kind, length uint64, last *ids) error {
	switch kind {
	case frameData, frameHeaders, frameSettings, framePushPromise:
		return connError(CodeFrameUnexpected, "frame 0x%x on the control stream", kind)
	case frameGoAway, frameMaxPushID, frameCancelPush:
		if err := readID(in, kind, length, last); err != nil {
			return err
		}
		return c.chat(1, "a control frame")
	}
	if reservedFrame(kind) {
		return connError(CodeFrameUnexpected, "frame 0x%x is of HTTP/2", kind)
	}
	if err := c.chat(1+int(min(length, 1<<20))>>10, "a control frame that nobody knows"); err != nil {
		return err
	}
	return c.drop(in, length)
}

// drop skips n bytes of a frame that nobody knows.
func (c *conn) drop(in *input, n uint64) error {
	for n > 0 {
		if n -= in.skip(n); n == 0 {
			return nil
		}
		if err := in.fill(buf.Small); err != nil {
			return err
		}
		if err := c.chat(1, "a long frame"); err != nil {
			return err
		}
	}
	return nil
}

// readID reads a frame that holds one number.
func readID(in *input, kind, length uint64, last *ids) error {
	if length == 0 || length > 8 {
		return connError(CodeFrame, "frame 0x%x with %d bytes", kind, length)
	}
	if err := in.need(int(length), true); err != nil {
		return err
	}
	id, n, err := quicvarint.Parse(in.unread()[:length])
	if err != nil || n != int(length) {
		return connError(CodeFrame, "frame 0x%x does not hold one number", kind)
	}
	in.r += n
	switch {
	case kind == frameCancelPush:
		return connError(CodeID, "CANCEL_PUSH %d, nothing was promised", id)
	case kind == frameGoAway && id > last.goAway:
		return connError(CodeID, "GOAWAY %d after %d", id, last.goAway)
	case kind == frameMaxPushID && id < last.maxPush:
		return connError(CodeID, "MAX_PUSH_ID %d after %d", id, last.maxPush)
	case kind == frameGoAway:
		last.goAway = id
	default:
		last.maxPush = id
	}
	return nil
}

// readEncoder reads the client's encoder stream. It cannot hold more than that
// the table has no capacity (RFC 9204 4.3).
func readEncoder(in *input) error {
	for {
		if err := in.need(1, true); err != nil {
			return err
		}
		if b := in.b[in.r]; b != 0x20 {
			return connError(CodeEncoderStream, "instruction 0x%x for a table without capacity", b)
		}
		in.r++
	}
}

// readDecoder reads the client's decoder stream: we never use its table, so that
// only cancellations make sense (RFC 9204 4.4.2).
func (c *conn) readDecoder(in *input) error {
	for {
		if err := in.need(1, true); err != nil {
			return err
		}
		b := in.b[in.r]
		if b&0xc0 != 0x40 {
			return connError(CodeDecoderStream, "instruction 0x%x, nothing refers to the table", b)
		}
		in.r++
		if b&0x3f != 0x3f {
			continue
		}
		for more, n := true, 0; more; n++ {
			if err := in.need(1, true); err != nil {
				return err
			}
			if n >= 10 {
				return connError(CodeDecoderStream, "a number of more than 62 bits")
			}
			more = in.b[in.r]&0x80 != 0
			in.r++
		}
	}
}

// goAway tells the client which requests are not answered any more.
func (c *conn) goAway(id uint64) error {
	v := quicvarint.Append(nil, id)
	return c.tell(append(appendFrame(nil, frameGoAway, uint64(len(v))), v...))
}
