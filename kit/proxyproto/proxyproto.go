package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"strconv"
	"strings"
)

// Header is what a header says.
type Header struct {
	// Version is 1 or 2.
	Version int
	// Source and Destination are the addresses of the connection to the load
	// balancer. The zero values say that it speaks for itself (LOCAL, as in health
	// checks) or does not know: those of the socket hold then.
	Source, Destination netip.AddrPort
}

// MaxBytes is the longest header that Parse takes. Version 2 allows 64 KB; what
// is in use is far below 1 KB.
const MaxBytes = 4096

// Errors of Parse.
var (
	// ErrNone says that the bytes are something else.
	ErrNone = errors.New("no PROXY header")
	// ErrShort says that they may become a header with more bytes.
	ErrShort = errors.New("the PROXY header is not complete")
	// ErrMalformed is wrapped by the errors about headers that are none.
	ErrMalformed = errors.New("malformed PROXY header")
)

// The beginnings of headers.
const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// longest1 is the longest header of version 1 with its CRLF (2.1).
const longest1 = 107

// The layout of version 2 (2.2).
const (
	head2       = 16
	local       = 0x20
	proxied     = 0x21
	typeCRC     = 0x03
	familyUnix  = 3
	stream      = 1
	tlvHead     = 3
	crcBytes    = 4
	unixAddress = 216
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Begins reports whether b begins like a header: all of it, or as much as there
// is.
func Begins(b []byte) (yes, maybe bool) {
	for _, s := range [2]string{signature1, signature2} {
		n := min(len(s), len(b))
		if string(b[:n]) == s[:n] {
			return n == len(s), true
		}
	}
	return false, false
}

// Parse reads the header at the beginning of b and returns its length. The error
// is ErrNone, ErrShort, or wraps ErrMalformed.
func Parse(b []byte) (Header, int, error) {
	yes, maybe := Begins(b)
	switch {
	case !maybe:
		return Header{}, 0, ErrNone
	case !yes:
		return Header{}, 0, ErrShort
	case b[0] == signature1[0]:
		return parse1(b)
	}
	return parse2(b)
}

// parse1 reads a line such as "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".
func parse1(b []byte) (Header, int, error) {
	h := Header{Version: 1}
	end := bytes.IndexByte(b[:min(len(b), longest1)], '\n')
	if end < 0 {
		if len(b) >= longest1 {
			return h, 0, malformed("no end of line in %d bytes", longest1)
		}
		return h, 0, ErrShort
	}
	if b[end-1] != '\r' {
		return h, 0, malformed("the line ends with LF alone")
	}
	fields := strings.Split(string(b[len(signature1):end-1]), " ")
	if fields[0] == "UNKNOWN" {
		return h, end + 1, nil // whatever follows is to be ignored
	}
	if len(fields) != 5 {
		return h, 0, malformed("found %d fields, expected 5", len(fields))
	}
	var err error
	if h.Source, err = endpoint1(fields[0], fields[1], fields[3]); err != nil {
		return h, 0, err
	}
	if h.Destination, err = endpoint1(fields[0], fields[2], fields[4]); err != nil {
		return h, 0, err
	}
	return h, end + 1, nil
}

// endpoint1 reads an address and a port of version 1.
func endpoint1(family, address, port string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		return netip.AddrPort{}, malformed("found %q, expected an IP address", address)
	}
	if family != "TCP4" && family != "TCP6" || a.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, malformed("found %q with the address %q", family, address)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, malformed("found %q, expected a port", port)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}

// parse2 reads the binary form.
func parse2(b []byte) (Header, int, error) {
	h := Header{Version: 2}
	if len(b) < head2 {
		return h, 0, ErrShort
	}
	command, family, total := b[12], b[13], head2+int(binary.BigEndian.Uint16(b[14:]))
	if command != local && command != proxied {
		return h, 0, malformed("found version and command %#02x, expected 0x20 or 0x21", command)
	}
	if total > MaxBytes {
		return h, 0, malformed("%d bytes, expected %d at most", total, MaxBytes)
	}
	if len(b) < total {
		return h, 0, ErrShort
	}
	b = b[:total]
	if command == local || family == 0 {
		return h, total, nil // the block is to be ignored
	}
	rest, err := h.addresses2(family, b[head2:])
	if err != nil {
		return h, 0, err
	}
	if err := checkTLVs(b, rest); err != nil {
		return h, 0, err
	}
	return h, total, nil
}

// addresses2 reads the addresses of a family from block and returns what
// follows them.
func (h *Header) addresses2(family byte, block []byte) (rest []byte, err error) {
	if family&0x0f != stream {
		return nil, malformed("found transport %#x, expected 1 (TCP)", family&0x0f)
	}
	var size int // of one address
	switch family >> 4 {
	case 1:
		size = 4
	case 2:
		size = 16
	case familyUnix:
		if len(block) < unixAddress {
			return nil, malformed("%d bytes are too few for the addresses", len(block))
		}
		return block[unixAddress:], nil
	default:
		return nil, malformed("found address family %#x, expected 0 to 3", family>>4)
	}
	if len(block) < 2*size+4 {
		return nil, malformed("%d bytes are too few for the addresses", len(block))
	}
	source, _ := netip.AddrFromSlice(block[:size])
	destination, _ := netip.AddrFromSlice(block[size : 2*size])
	ports := block[2*size:]
	h.Source = netip.AddrPortFrom(source.Unmap(), binary.BigEndian.Uint16(ports))
	h.Destination = netip.AddrPortFrom(destination.Unmap(), binary.BigEndian.Uint16(ports[2:]))
	return ports[4:], nil
}

// checkTLVs checks that the fields in rest, the end of header, fill it exactly,
// and the checksum if there is one. A length that leads beyond the end is how
// bytes of the client become fields of the load balancer (CVE-2026-47692).
func checkTLVs(header, rest []byte) error {
	sum := -1 // where the checksum stands
	for at := len(header) - len(rest); at < len(header); {
		left := len(header) - at
		if left < tlvHead {
			return malformed("%d bytes are left behind the last field", left)
		}
		n := int(binary.BigEndian.Uint16(header[at+1:]))
		if n > left-tlvHead {
			return malformed("a field of %d bytes, and %d are left", n, left-tlvHead)
		}
		if header[at] == typeCRC {
			if n != crcBytes || sum >= 0 {
				return malformed("a checksum of %d bytes, or a second one", n)
			}
			sum = at + tlvHead
		}
		at += tlvHead + n
	}
	if sum < 0 {
		return nil
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	crc := crc32.Update(0, table, header[:sum])
	crc = crc32.Update(crc, table, make([]byte, crcBytes))
	crc = crc32.Update(crc, table, header[sum+crcBytes:])
	if found := binary.BigEndian.Uint32(header[sum:]); found != crc {
		return malformed("checksum %08x, expected %08x", found, crc)
	}
	return nil
}

// Append appends the header h. Without a source it says that the sender speaks
// for itself. Addresses of two families become IPv6.
func Append(b []byte, h Header) []byte {
	s, d := h.Source, h.Destination
	known := s.IsValid() && d.IsValid()
	four := known && s.Addr().Unmap().Is4() && d.Addr().Unmap().Is4()
	if h.Version == 1 {
		return append1(b, s, d, known, four)
	}
	b = append(b, signature2...)
	switch {
	case !known:
		return append(b, local, 0, 0, 0)
	case four:
		b = append(b, proxied, 1<<4|stream, 0, 12)
		b = append(b, s.Addr().Unmap().AsSlice()...)
		b = append(b, d.Addr().Unmap().AsSlice()...)
	default:
		b = append(b, proxied, 2<<4|stream, 0, 36)
		from, to := s.Addr().As16(), d.Addr().As16()
		b = append(b, from[:]...)
		b = append(b, to[:]...)
	}
	b = binary.BigEndian.AppendUint16(b, s.Port())
	return binary.BigEndian.AppendUint16(b, d.Port())
}

func append1(b []byte, s, d netip.AddrPort, known, four bool) []byte {
	if !known {
		return append(b, "PROXY UNKNOWN\r\n"...)
	}
	family, from, to := "TCP4 ", s.Addr().Unmap(), d.Addr().Unmap()
	if !four {
		family = "TCP6 "
		from, to = netip.AddrFrom16(from.As16()), netip.AddrFrom16(to.As16())
	}
	b = append(append(b, signature1...), family...)
	b = append(from.WithZone("").AppendTo(b), ' ')
	b = append(to.WithZone("").AppendTo(b), ' ')
	b = append(strconv.AppendUint(b, uint64(s.Port()), 10), ' ')
	b = strconv.AppendUint(b, uint64(d.Port()), 10)
	return append(b, "\r\n"...)
}
