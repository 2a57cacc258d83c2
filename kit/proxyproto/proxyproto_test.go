package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// v2 makes a header of version 2 whose length is right unless changed later.
func v2(command, family byte, block ...[]byte) []byte {
	all := bytes.Join(block, nil)
	b := append([]byte(signature2), command, family, 0, 0)
	binary.BigEndian.PutUint16(b[14:], uint16(len(all)))
	return append(b, all...)
}

// tlv makes a field.
func tlv(kind byte, value string) []byte {
	return append([]byte{kind, byte(len(value) >> 8), byte(len(value))}, value...)
}

var (
	four = []byte{192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb}
	six  = bytes.Join([][]byte{netip.MustParseAddr("2001:db8::1").AsSlice(), netip.MustParseAddr("2001:db8::2").AsSlice(), {0xdc, 0x04, 0x01, 0xbb}}, nil)
)

// withCRC puts the checksum into a header that ends with a field for it.
func withCRC(b []byte, change uint32) []byte {
	crc := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(b[len(b)-4:], crc^change)
	return b
}

func TestParse(t *testing.T) {
	long := "PROXY UNKNOWN " + strings.Repeat("f", 91) + "\r\n"
	for name, test := range map[string]struct {
		in       string
		src, dst string // "": none
	}{
		"1, IPv4":               {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1:56324", "198.51.100.1:443"},
		"1, IPv6":               {"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", "[2001:db8::1]:56324", "[2001:db8::2]:443"},
		"1, IPv4 in IPv6":       {"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 1 2\r\n", "192.0.2.1:1", "198.51.100.1:2"},
		"1, port 0":             {"PROXY TCP4 192.0.2.1 198.51.100.1 0 65535\r\n", "192.0.2.1:0", "198.51.100.1:65535"},
		"1, unknown":            {"PROXY UNKNOWN\r\n", "", ""},
		"1, unknown, with more": {"PROXY UNKNOWN ffff::1 what 1 2\r\n", "", ""},
		"1, the longest":        {long, "", ""},
		"2, IPv4":               {string(v2(0x21, 0x11, four)), "192.0.2.1:56324", "198.51.100.1:443"},
		"2, IPv6":               {string(v2(0x21, 0x21, six)), "[2001:db8::1]:56324", "[2001:db8::2]:443"},
		"2, local":              {string(v2(0x20, 0x00)), "", ""},
		"2, local with a block": {string(v2(0x20, 0x11, four)), "", ""},
		"2, local with rubbish": {string(v2(0x20, 0xff, []byte{1, 2, 3})), "", ""},
		"2, not specified":      {string(v2(0x21, 0x00, []byte{4, 0xff, 0xff})), "", ""},
		"2, Unix":               {string(v2(0x21, 0x31, make([]byte, 216))), "", ""},
		"2, fields":             {string(v2(0x21, 0x11, four, tlv(2, "example.org"), tlv(4, ""), tlv(0xea, "\x01vpce-1"))), "192.0.2.1:56324", "198.51.100.1:443"},
		"2, checksum":           {string(withCRC(v2(0x21, 0x11, four, tlv(2, "h"), tlv(3, "\x00\x00\x00\x00")), 0)), "192.0.2.1:56324", "198.51.100.1:443"},
		"2, the longest":        {string(v2(0x21, 0x11, four, tlv(4, strings.Repeat("x", MaxBytes-head2-12-3)))), "192.0.2.1:56324", "198.51.100.1:443"},
	} {
		for _, behind := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01"} {
			h, n, err := Parse([]byte(test.in + behind))
			if err != nil || n != len(test.in) {
				t.Errorf("%s: took %d of %d bytes, %v", name, n, len(test.in), err)
				continue
			}
			want := Header{Version: int(name[0] - '0')}
			if test.src != "" {
				want.Source, want.Destination = ap(test.src), ap(test.dst)
			}
			if h != want {
				t.Errorf("%s: got %+v, want %+v", name, h, want)
			}
		}
		for n := range test.in {
			if _, _, err := Parse([]byte(test.in[:n])); !errors.Is(err, ErrShort) {
				t.Errorf("%s: the first %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	spill := v2(0x21, 0x11, four, tlv(2, "example.org"))
	binary.BigEndian.PutUint16(spill[head2+12+1:], 500) // the field leads beyond the header
	less := v2(0x21, 0x11, four)
	binary.BigEndian.PutUint16(less[14:], 11)
	for name, in := range map[string]string{
		"1, no end":             "PROXY TCP4 " + strings.Repeat("1", 200),
		"1, one byte too long":  "PROXY UNKNOWN " + strings.Repeat("f", 92) + "\r\n",
		"1, LF alone":           "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
		"1, two spaces":         "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
		"1, a field too many":   "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
		"1, a field too few":    "PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
		"1, nothing":            "PROXY \r\n",
		"1, other protocol":     "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
		"1, family differs":     "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
		"1, family differs too": "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
		"1, zone":               "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
		"1, name":               "PROXY TCP4 localhost 198.51.100.1 1 2\r\n",
		"1, leading zero":       "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
		"1, port with zero":     "PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n",
		"1, port with sign":     "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
		"1, port too large":     "PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n",
		"1, CR within":          "PROXY TCP4 192.0.2.1\r 198.51.100.1 1 2\r\n",
		"2, version 1":          string(v2(0x11, 0x11, four)),
		"2, command 2":          string(v2(0x22, 0x11, four)),
		"2, family 4":           string(v2(0x21, 0x41, four)),
		"2, datagrams":          string(v2(0x21, 0x12, four)),
		"2, no transport":       string(v2(0x21, 0x10, four)),
		"2, block too short":    string(less),
		"2, IPv6 in 12 bytes":   string(v2(0x21, 0x21, four)),
		"2, Unix too short":     string(v2(0x21, 0x31, make([]byte, 215))),
		"2, field spills":       string(spill) + strings.Repeat("GET ", 500),
		"2, field without end":  string(v2(0x21, 0x11, four, []byte{4})),
		"2, two bytes left":     string(v2(0x21, 0x11, four, tlv(4, "x"), []byte{4, 0})),
		"2, wrong checksum":     string(withCRC(v2(0x21, 0x11, four, tlv(3, "\x00\x00\x00\x00")), 1)),
		"2, short checksum":     string(v2(0x21, 0x11, four, tlv(3, "\x00\x00\x00"))),
		"2, two checksums":      string(withCRC(v2(0x21, 0x11, four, tlv(3, "\x00\x00\x00\x00"), tlv(3, "\x00\x00\x00\x00")), 0)),
		"2, one byte too long":  string(v2(0x21, 0x11, four, tlv(4, strings.Repeat("x", MaxBytes-head2-12-2)))),
	} {
		if h, n, err := Parse([]byte(in)); !errors.Is(err, ErrMalformed) || n != 0 {
			t.Errorf("%s: got %+v, %d, %v", name, h, n, err)
		}
	}
}

func TestNone(t *testing.T) {
	for _, in := range []string{"GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "\x16\x03\x01\x02\x00", "PROXX", "\r\n\r\n\x01", "proxy TCP4"} {
		if _, _, err := Parse([]byte(in)); !errors.Is(err, ErrNone) {
			t.Errorf("%q: %v", in, err)
		}
	}
	if _, _, err := Parse(nil); !errors.Is(err, ErrShort) {
		t.Errorf("nothing: %v", err)
	}
}

func TestAppend(t *testing.T) {
	for name, test := range map[string]struct{ in, out Header }{
		"IPv4":      {Header{0, ap("192.0.2.1:1"), ap("198.51.100.1:2")}, Header{0, ap("192.0.2.1:1"), ap("198.51.100.1:2")}},
		"IPv6":      {Header{0, ap("[2001:db8::1]:1"), ap("[2001:db8::2]:65535")}, Header{0, ap("[2001:db8::1]:1"), ap("[2001:db8::2]:65535")}},
		"mixed":     {Header{0, ap("[2001:db8::1]:1"), ap("198.51.100.1:2")}, Header{0, ap("[2001:db8::1]:1"), ap("198.51.100.1:2")}},
		"mapped":    {Header{0, ap("[::ffff:192.0.2.1]:1"), ap("198.51.100.1:2")}, Header{0, ap("192.0.2.1:1"), ap("198.51.100.1:2")}},
		"zone":      {Header{0, ap("[fe80::1%eth0]:1"), ap("[fe80::2%eth0]:2")}, Header{0, ap("[fe80::1]:1"), ap("[fe80::2]:2")}},
		"no source": {Header{0, netip.AddrPort{}, ap("198.51.100.1:2")}, Header{}},
		"nothing":   {},
	} {
		for version := 1; version <= 2; version++ {
			test.in.Version, test.out.Version = version, version
			b := Append([]byte("x"), test.in)[1:]
			h, n, err := Parse(b)
			if err != nil || n != len(b) || h != test.out {
				t.Errorf("%s, version %d: %q gives %+v, %v; want %+v", name, version, b, h, err, test.out)
			}
		}
	}
}

// FuzzParse checks that any input gives a header that can be written and read
// again, one of the three errors, and the same when more follows.
func FuzzParse(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET /"))
	f.Add(v2(0x21, 0x11, four, tlv(2, "example.org")))
	f.Add(v2(0x21, 0x21, six))
	f.Add(withCRC(v2(0x21, 0x11, four, tlv(3, "\x00\x00\x00\x00")), 0))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, n, err := Parse(in)
		if err != nil {
			if !errors.Is(err, ErrNone) && !errors.Is(err, ErrShort) && !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v", err)
			}
			if errors.Is(err, ErrShort) && len(in) >= MaxBytes {
				t.Fatalf("%d bytes are not enough", len(in))
			}
			return
		}
		if n <= 0 || n > len(in) || n > MaxBytes || h.Source.IsValid() != h.Destination.IsValid() {
			t.Fatalf("took %d bytes: %+v", n, h)
		}
		if again, m, err := Parse(append(in[:n:n], "more"...)); again != h || m != n || err != nil {
			t.Fatalf("with more behind it: %+v, %d, %v", again, m, err)
		}
		out := Append(nil, h)
		if again, _, err := Parse(out); err != nil || again != h {
			t.Fatalf("written and read again: %+v, %v", again, err)
		}
	})
}
