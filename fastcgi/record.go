package fastcgi

import "encoding/binary"

// kind is the type of a record (FastCGI specification 8).
type kind uint8

const (
	beginRequest kind = 1
	endRequest   kind = 3
	params       kind = 4
	stdin        kind = 5
	stdout       kind = 6
	stderr       kind = 7
)

const (
	version = 1
	// requestID is that of every request: a connection has one at a time.
	requestID = 1
	// headerBytes is the length of a record's header.
	headerBytes = 8
	// mostContent is the most that a record of ours holds: a multiple of 8, so
	// that no record needs padding.
	mostContent = 65528
	// roleResponder asks for an answer to an HTTP request.
	roleResponder = 1
	// keepConn asks the backend to leave the connection open.
	keepConn = 1
)

// header is that of a record.
type header struct {
	kind    kind
	id      uint16
	content int
	padding int
}

// parseHeader reads the header at the start of b, which has headerBytes at least.
// ok is false for another version.
func parseHeader(b []byte) (h header, ok bool) {
	return header{
		kind: kind(b[1]), id: binary.BigEndian.Uint16(b[2:]),
		content: int(binary.BigEndian.Uint16(b[4:])), padding: int(b[6]),
	}, b[0] == version
}

// appendHeader appends the header of a record with content bytes of content.
func appendHeader(b []byte, k kind, content int) []byte {
	return append(b, version, byte(k), requestID>>8, requestID&0xff, byte(content>>8), byte(content), 0, 0)
}

// appendStream appends data as records of a stream, without its end.
func appendStream(b []byte, k kind, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), mostContent)
		b = append(appendHeader(b, k, n), data[:n]...)
		data = data[n:]
	}
	return b
}

// appendEnd appends the end of a stream.
func appendEnd(b []byte, k kind) []byte { return appendHeader(b, k, 0) }

// appendBegin appends the record that a request begins with.
func appendBegin(b []byte, keep bool) []byte {
	flags := byte(0)
	if keep {
		flags = keepConn
	}
	return append(appendHeader(b, beginRequest, 8), 0, roleResponder, flags, 0, 0, 0, 0, 0)
}

// appendLength appends the length of a name or value (specification 3.4).
func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)|1<<31)
}
