package http3

import (
	"errors"
	"fmt"
	"os"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
)

// The frames of HTTP/3 (RFC 9114 7.2).
const (
	frameData        = 0x00
	frameHeaders     = 0x01
	frameCancelPush  = 0x03
	frameSettings    = 0x04
	framePushPromise = 0x05
	frameGoAway      = 0x07
	frameMaxPushID   = 0x0d
)

// The kinds of unidirectional streams (RFC 9114 6.2, RFC 9204 4.2).
const (
	streamControl = 0x00
	streamPush    = 0x01
	streamEncoder = 0x02
	streamDecoder = 0x03
)

// reservedFrame reports whether HTTP/2 has the frame and HTTP/3 does not: nobody
// may send one (RFC 9114 7.2.8).
func reservedFrame(kind uint64) bool {
	switch kind {
	case 0x02, 0x06, 0x08, 0x09:
		return true
	}
	return false
}

// notOnRequests reports whether a frame has no place on a request stream.
func notOnRequests(kind uint64) bool {
	switch kind {
	case frameCancelPush, frameSettings, framePushPromise, frameGoAway, frameMaxPushID:
		return true
	}
	return reservedFrame(kind)
}

// appendFrame appends the head of a frame.
func appendFrame(b []byte, kind, length uint64) []byte {
	return quicvarint.Append(quicvarint.Append(b, kind), length)
}

// Settings (RFC 9114 7.2.4.1, RFC 9204 5, RFC 9220 3).
const (
	settingTableCapacity   = 0x01
	settingFieldSection    = 0x06
	settingBlockedStreams  = 0x07
	settingConnectProtocol = 0x08
	settingDatagram        = 0x33
)

// mostSettings bounds a SETTINGS frame in bytes.
const mostSettings = 4 << 10

// appendControl appends the beginning of our control stream. Neither side of a
// connection keeps a dynamic table: nothing can block and nothing unpacks to more
// than the static table holds.
func appendControl(b []byte, fieldSection int) []byte {
	var s []byte
	for _, kv := range [...][2]uint64{
		{settingTableCapacity, 0},
		{settingFieldSection, uint64(fieldSection)},
		{settingBlockedStreams, 0},
		{settingConnectProtocol, 1},
	} {
		s = quicvarint.Append(quicvarint.Append(s, kv[0]), kv[1])
	}
	b = quicvarint.Append(b, streamControl)
	return append(appendFrame(b, frameSettings, uint64(len(s))), s...)
}

// checkSettings reads a SETTINGS frame. Nothing in it changes what we do; what is
// wrong with it ends the connection.
func checkSettings(b []byte) error {
	seen := map[uint64]bool{}
	for len(b) > 0 {
		id, n, err := quicvarint.Parse(b)
		if err != nil {
			return connError(CodeFrame, "SETTINGS: cut off")
		}
		v, m, err := quicvarint.Parse(b[n:])
		if err != nil {
			return connError(CodeFrame, "SETTINGS: cut off")
		}
		b = b[n+m:]
		if seen[id] {
			return connError(CodeSettings, "setting 0x%x twice", id)
		}
		seen[id] = true
		switch id {
		case 0x00, 0x02, 0x03, 0x04, 0x05:
			return connError(CodeSettings, "setting 0x%x is of HTTP/2", id)
		case settingConnectProtocol, settingDatagram:
			if v > 1 {
				return connError(CodeSettings, "setting 0x%x is %d, expected 0 or 1", id, v)
			}
		}
	}
	return nil
}

// errReset is what reading gives when the client gave up the stream, or the
// connection ended.
var errReset = errors.New("the client gave up the stream")

// isTimeout reports whether a deadline passed.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// clientError puts what QUIC says into the words of the contract.
func clientError(err error) error {
	var se *quic.StreamError
	var ce *quic.ApplicationError
	var idle *quic.IdleTimeoutError
	switch {
	case err == nil:
		return nil
	case isTimeout(err):
		return sock.ErrTimeout
	case errors.As(err, &se) && se.Remote:
		return fmt.Errorf("%w (%s)", errReset, Code(se.ErrorCode))
	case errors.As(err, &ce), errors.As(err, &idle):
		return fmt.Errorf("%w: %w", exchange.ErrUnexpectedEnd, err)
	}
	return err
}
