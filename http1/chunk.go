package http1

import "fairlead.dev/fairlead/message"

// chunkState is where the decoder of the chunked coding stands (RFC 9112 7.1).
type chunkState uint8

const (
	chunkSize     chunkState = iota // in the digits of a size
	chunkExt                        // before the name of an extension
	chunkExtName                    // in the name
	chunkExtEqual                   // before the value
	chunkExtValue                   // in the value
	chunkSizeLF                     // after the CR of a size line
	chunkData                       // in the data
	chunkDataCR                     // before the CR behind the data
	chunkDataLF                     // before the LF behind the data
	chunkTrailer                    // in the trailer section
	chunkDone                       // behind the last byte of the body
)

// The bounds of what surrounds the data.
const (
	maxChunkDigits   = 15      // of a size: 2^60 bytes
	maxChunkExt      = 4 << 10 // of the extensions of one chunk
	maxChunkTrailer  = 16 << 10
	maxTrailerFields = 100
)

// chunked decodes the chunked coding. It refuses everything RFC 9112 7.1 does
// not allow, and chunk extensions with quotes, which nobody uses and peers
// disagree about.
type chunked struct {
	state   chunkState
	digits  int
	extra   int   // bytes of extensions, or of trailers, so far
	size    int64 // of the chunk being read
	left    int64 // of its data
	trailer []byte
}

// decode consumes from b up to the end of the body. Data is moved to the front
// of b; n counts it, used counts what was consumed.
func (c *chunked) decode(b []byte) (n, used int, err error) {
	for used < len(b) && c.state != chunkDone {
		if c.state == chunkData {
			k := int(min(c.left, int64(len(b)-used)))
			if n != used {
				copy(b[n:], b[used:used+k])
			}
			n, used = n+k, used+k
			if c.left -= int64(k); c.left == 0 {
				c.state = chunkDataCR
			}
			continue
		}
		if err := c.step(b[used]); err != nil {
			return n, used, err
		}
		used++
	}
	return n, used, nil
}

// step consumes one byte that is not data.
func (c *chunked) step(b byte) error {
	switch c.state {
	case chunkSize:
		return c.sizeByte(b)
	case chunkExt, chunkExtName, chunkExtEqual, chunkExtValue:
		return c.extByte(b)
	case chunkSizeLF:
		if b != '\n' {
			return bad(message.ReasonBodyMalformed, "carriage return without line feed behind a chunk size")
		}
		c.left, c.state = c.size, chunkData
		if c.size == 0 {
			c.state, c.extra = chunkTrailer, 0
		}
	case chunkDataCR:
		if b != '\r' {
			return bad(message.ReasonBodyMalformed, "a chunk is longer than its size")
		}
		c.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return bad(message.ReasonBodyMalformed, "carriage return without line feed behind a chunk")
		}
		c.state, c.size, c.digits, c.extra = chunkSize, 0, 0, 0
	case chunkTrailer:
		return c.trailerByte(b)
	}
	return nil
}

func (c *chunked) sizeByte(b byte) error {
	if d, ok := hexDigit(b); ok {
		if c.digits++; c.digits > maxChunkDigits {
			return bad(message.ReasonBodyMalformed, "chunk size with more than %d digits", maxChunkDigits)
		}
		c.size = c.size<<4 | int64(d)
		return nil
	}
	if c.digits == 0 {
		return bad(message.ReasonBodyMalformed, "byte 0x%02x where a chunk size was expected", b)
	}
	switch b {
	case '\r':
		c.state = chunkSizeLF
	case ';':
		c.state = chunkExt
	default:
		return bad(message.ReasonBodyMalformed, "byte 0x%02x in a chunk size", b)
	}
	return nil
}

// extByte reads `BWS name [ "=" token ]` (RFC 9112 7.1.1), to nobody's benefit.
func (c *chunked) extByte(b byte) error {
	if c.extra++; c.extra > maxChunkExt {
		return bad(message.ReasonBodyMalformed, "chunk extensions with more than %d bytes", maxChunkExt)
	}
	inside := c.state == chunkExtName || c.state == chunkExtValue
	switch {
	case token[b]:
		if !inside {
			c.state++
		}
	case b == '\r' && inside:
		c.state = chunkSizeLF
	case b == ';' && inside:
		c.state = chunkExt
	case b == '=' && c.state == chunkExtName:
		c.state = chunkExtEqual
	case (b == ' ' || b == '\t') && c.state == chunkExt:
	default:
		return bad(message.ReasonBodyMalformed, "byte 0x%02x in a chunk extension", b)
	}
	return nil
}

// trailerByte collects the trailer section, which ends with an empty line.
func (c *chunked) trailerByte(b byte) error {
	if c.extra++; c.extra > maxChunkTrailer {
		return bad(message.ReasonBodyMalformed, "trailers with more than %d bytes", maxChunkTrailer)
	}
	t := append(c.trailer, b)
	c.trailer = t
	n := len(t)
	if b != '\n' {
		return nil
	}
	if n < 2 || t[n-2] != '\r' {
		return bad(message.ReasonBodyMalformed, "line feed without carriage return in the trailers")
	}
	if n == 2 || (n >= 4 && t[n-4] == '\r' && t[n-3] == '\n') {
		c.state = chunkDone
	}
	return nil
}

// fields parses the collected trailer section into h. Fields that belong into
// a head only are dropped (RFC 9110 6.5.1).
func (c *chunked) fields(h *message.Header) error {
	if len(c.trailer) <= 2 {
		return nil
	}
	var all message.Header
	f := framing{length: -1}
	if _, err := parseFields(c.trailer, 0, &all, &f, maxTrailerFields); err != nil {
		return bad(message.ReasonBodyMalformed, "trailers: %s", err)
	}
	for _, field := range all.Fields() {
		if message.TrailerAllowed(field) {
			h.AddField(field)
		}
	}
	return nil
}

func hexDigit(b byte) (byte, bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}
