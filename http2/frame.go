package http2

import "encoding/binary"

// frameType is the kind of a frame (RFC 9113 6, RFC 9218 7.1).
type frameType uint8

const (
	frameData           frameType = 0x0
	frameHeaders        frameType = 0x1
	framePriority       frameType = 0x2
	frameRSTStream      frameType = 0x3
	frameSettings       frameType = 0x4
	framePushPromise    frameType = 0x5
	framePing           frameType = 0x6
	frameGoAway         frameType = 0x7
	frameWindowUpdate   frameType = 0x8
	frameContinuation   frameType = 0x9
	framePriorityUpdate frameType = 0x10
)

// The flags of frames. Some share a bit.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// The parameters of SETTINGS (RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1).
const (
	settingHeaderTableSize      = 0x1
	settingEnablePush           = 0x2
	settingMaxConcurrentStreams = 0x3
	settingInitialWindowSize    = 0x4
	settingMaxFrameSize         = 0x5
	settingMaxHeaderListSize    = 0x6
	settingEnableConnect        = 0x8
	settingNoPriorities         = 0x9
)

const (
	frameHeadLen = 9
	// maxFrame is the size of the frames that we take and send: the smallest that
	// a peer must allow, so that no stream holds up the others for long.
	maxFrame = 16 << 10
	maxID    = 1<<31 - 1
	// headerTableSize bounds the memory that a peer's header compression can make
	// us hold (RFC 7541 4.2).
	headerTableSize = 4096
)

// Preface is what a client sends first (RFC 9113 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frameHead is the first 9 bytes of a frame (RFC 9113 4.1).
type frameHead struct {
	length int
	kind   frameType
	flags  uint8
	stream uint32
}

// has reports whether the frame has a flag.
func (h frameHead) has(flag uint8) bool { return h.flags&flag != 0 }

// parseFrameHead reads the head of a frame from b, which has at least 9 bytes.
func parseFrameHead(b []byte) frameHead {
	_ = b[8]
	return frameHead{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   frameType(b[3]),
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxID,
	}
}

// check refuses frames whose length or stream the type does not allow, before
// anything of them is read (RFC 9113 4.2 and 6).
func (h frameHead) check() error {
	if h.length > maxFrame {
		return connError(CodeFrameSize, "a frame of type %#x with %d bytes, at most %d are allowed", h.kind, h.length, maxFrame)
	}
	onStream, ok := h.wantsStream()
	switch {
	case !ok:
		return nil // unknown frames are ignored, wherever they are
	case onStream && h.stream == 0:
		return connError(CodeProtocol, "a frame of type %#x without a stream", h.kind)
	case !onStream && h.stream != 0 && h.kind != frameWindowUpdate:
		return connError(CodeProtocol, "a frame of type %#x on stream %d", h.kind, h.stream)
	}
	return h.checkLength()
}

// wantsStream reports whether frames of this type belong to a stream; ok is
// false for types that are not known.
func (h frameHead) wantsStream() (onStream, ok bool) {
	switch h.kind {
	case frameData, frameHeaders, framePriority, frameRSTStream, frameContinuation, framePushPromise:
		return true, true
	case frameSettings, framePing, frameGoAway, frameWindowUpdate, framePriorityUpdate:
		return false, true
	}
	return false, false
}

func (h frameHead) checkLength() error {
	ok := true
	switch h.kind {
	case framePriority:
		if h.length != 5 {
			return streamError(h.stream, CodeFrameSize, "PRIORITY with %d bytes, it has 5", h.length)
		}
	case frameRSTStream, frameWindowUpdate:
		ok = h.length == 4
	case frameSettings:
		ok = h.length%6 == 0 && (h.length == 0 || !h.has(flagAck))
	case framePing:
		ok = h.length == 8
	case frameGoAway:
		ok = h.length >= 8
	case framePriorityUpdate:
		ok = h.length >= 4
	}
	if !ok {
		return connError(CodeFrameSize, "a frame of type %#x with %d bytes", h.kind, h.length)
	}
	return nil
}

// unpad cuts the padding from a payload that is complete (RFC 9113 6.1).
func (h frameHead) unpad(p []byte) ([]byte, error) {
	if !h.has(flagPadded) {
		return p, nil
	}
	if len(p) == 0 {
		return nil, connError(CodeFrameSize, "a padded frame without a length of its padding")
	}
	if int(p[0]) >= len(p) {
		return nil, connError(CodeProtocol, "%d bytes of padding in a frame of %d", p[0], len(p))
	}
	return p[1 : len(p)-int(p[0])], nil
}

// appendFrameHead appends the head of a frame.
func appendFrameHead(b []byte, length int, kind frameType, flags uint8, stream uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// setFrameHead writes the head of a frame to the first bytes of b.
func setFrameHead(b []byte, length int, kind frameType, flags uint8, stream uint32) {
	_ = appendFrameHead(b[:0:frameHeadLen], length, kind, flags, stream)
}

// appendSetting appends one parameter to a SETTINGS payload.
func appendSetting(b []byte, id uint16, value uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, id)
	return binary.BigEndian.AppendUint32(b, value)
}

// appendPing appends a PING frame.
func appendPing(b []byte, ack bool, data [8]byte) []byte {
	flags := uint8(0)
	if ack {
		flags = flagAck
	}
	b = appendFrameHead(b, len(data), framePing, flags, 0)
	return append(b, data[:]...)
}

// appendReset appends a RST_STREAM frame.
func appendReset(b []byte, stream uint32, code Code) []byte {
	b = appendFrameHead(b, 4, frameRSTStream, 0, stream)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

// appendWindowUpdate appends a WINDOW_UPDATE frame; stream 0 is the connection.
func appendWindowUpdate(b []byte, stream uint32, n uint32) []byte {
	b = appendFrameHead(b, 4, frameWindowUpdate, 0, stream)
	return binary.BigEndian.AppendUint32(b, n)
}

// appendGoAway appends a GOAWAY frame: streams above last were not served.
func appendGoAway(b []byte, last uint32, code Code, debug string) []byte {
	const most = 128
	debug = debug[:min(len(debug), most)]
	b = appendFrameHead(b, 8+len(debug), frameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, debug...)
}

// eachSetting calls yield with each parameter of a SETTINGS payload, in order.
func eachSetting(p []byte, yield func(id uint16, value uint32) error) error {
	for ; len(p) >= 6; p = p[6:] {
		if err := yield(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); err != nil {
			return err
		}
	}
	return nil
}
