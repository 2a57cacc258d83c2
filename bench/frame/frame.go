package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The types of frames, RFC 9113, section 6.
const (
	Data         = 0x0
	Headers      = 0x1
	Priority     = 0x2
	Reset        = 0x3
	Settings     = 0x4
	Push         = 0x5
	Ping         = 0x6
	GoAway       = 0x7
	WindowUpdate = 0x8
	Continuation = 0x9
)

// The flags of frames; Ack and EndStream are one bit for different types.
const (
	Ack         = 0x1
	EndStream   = 0x1
	EndHeaders  = 0x4
	Padded      = 0x8
	HasPriority = 0x20
)

// The settings that are used, RFC 9113, section 6.5.2.
const (
	HeaderTableSize      = 0x1
	EnablePush           = 0x2
	MaxConcurrentStreams = 0x3
	InitialWindowSize    = 0x4
)

const (
	// Preface is what a client sends first.
	Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// FirstWindow is the window that streams and connections begin with.
	FirstWindow = 65535

	headSize = 9
	// largest is the SETTINGS_MAX_FRAME_SIZE that holds unless we say more.
	largest = 16384
)

// Head is the first nine bytes of a frame, without its length.
type Head struct {
	Type, Flags uint8
	Stream      uint32
}

// Has says that the flag is set.
func (h Head) Has(flag uint8) bool { return h.Flags&flag != 0 }

// Cutter keeps the start of a frame until the rest of it comes.
type Cutter struct{ rest []byte }

// Feed takes what was read and calls visit for every frame that is complete.
// The content is valid during the call. The first error of visit ends it.
func (c *Cutter) Feed(b []byte, visit func(h Head, content []byte) error) error {
	if len(c.rest) > 0 {
		c.rest = append(c.rest, b...)
		b = c.rest
	}
	for len(b) >= headSize {
		length := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
		if length > largest {
			return fmt.Errorf("frame of %d bytes: at most %d are allowed", length, largest)
		}
		if len(b) < headSize+length {
			break
		}
		h := Head{Type: b[3], Flags: b[4], Stream: binary.BigEndian.Uint32(b[5:]) &^ (1 << 31)}
		if err := visit(h, b[headSize:headSize+length]); err != nil {
			return err
		}
		b = b[headSize+length:]
	}
	c.rest = append(c.rest[:0], b...)
	return nil
}

var errPadding = errors.New("padding is longer than its frame")

// Content is what remains of a DATA or HEADERS frame without padding and
// priority.
func Content(h Head, content []byte) ([]byte, error) {
	pad := 0
	if h.Has(Padded) {
		if len(content) == 0 {
			return nil, errPadding
		}
		pad, content = int(content[0]), content[1:]
	}
	if h.Type == Headers && h.Has(HasPriority) {
		if len(content) < 5 {
			return nil, errPadding
		}
		content = content[5:]
	}
	if pad > len(content) {
		return nil, errPadding
	}
	return content[:len(content)-pad], nil
}

// Append writes a frame.
func Append(b []byte, h Head, content []byte) []byte {
	b = append(b, byte(len(content)>>16), byte(len(content)>>8), byte(len(content)), h.Type, h.Flags)
	b = binary.BigEndian.AppendUint32(b, h.Stream)
	return append(b, content...)
}

// AppendSettings writes a SETTINGS frame of pairs: what, value, what, value.
func AppendSettings(b []byte, pairs ...uint32) []byte {
	var content []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		content = binary.BigEndian.AppendUint16(content, uint16(pairs[i]))
		content = binary.BigEndian.AppendUint32(content, pairs[i+1])
	}
	return Append(b, Head{Type: Settings}, content)
}

// AppendWindow writes a WINDOW_UPDATE frame.
func AppendWindow(b []byte, stream, more uint32) []byte {
	return Append(b, Head{Type: WindowUpdate, Stream: stream}, binary.BigEndian.AppendUint32(nil, more))
}

// EachSetting calls visit for every pair of a SETTINGS frame.
func EachSetting(content []byte, visit func(what uint16, value uint32)) {
	for ; len(content) >= 6; content = content[6:] {
		visit(binary.BigEndian.Uint16(content), binary.BigEndian.Uint32(content[2:]))
	}
}

// Number reads the 32 bits at a place, the first of them not counted, as
// WINDOW_UPDATE and GOAWAY have it; 0 when they are not there.
func Number(content []byte, at int) uint32 {
	if len(content) < at+4 {
		return 0
	}
	return binary.BigEndian.Uint32(content[at:]) &^ (1 << 31)
}
