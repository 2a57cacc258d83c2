package http2

import (
	"golang.org/x/net/http2/hpack"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
)

// fieldOverhead is what a field costs beyond its name and value (RFC 7541 4.1).
const fieldOverhead = 32

// mostContinuations bounds the frames of one header block.
const mostContinuations = 128

// fieldSink takes the fields of a header block, pseudo-header fields included,
// in order.
type fieldSink interface {
	field(name, value string)
}

// headDecoder reads the header blocks of one connection. A block is given in
// fragments; it is decoded when it is complete. All of it is decoded even when
// its fields are too many or too large, because the peer's compression goes on.
type headDecoder struct {
	dec  *hpack.Decoder
	lim  exchange.Limits
	sink fieldSink

	block  []byte // fragments so far, in pooled memory, nil when there are none
	held   int    // bytes of block in use
	frames int

	// Size counts name, value and 32 bytes for each field of the last block, of
	// fields that were too much as well.
	size   int
	fields int
}

// begin prepares d for the blocks of a new connection. lim must not have zero
// values.
func (d *headDecoder) begin(lim exchange.Limits) {
	*d = headDecoder{lim: lim}
	d.dec = hpack.NewDecoder(headerTableSize, d.emit)
	d.dec.SetMaxStringLength(2 * lim.HeadBytes)
}

// add takes a fragment of a block; last says that the block ends with it.
// Fields go to sink then. The error is a *ConnError.
func (d *headDecoder) add(fragment []byte, last bool, sink fieldSink) error {
	if d.frames++; d.frames > mostContinuations+1 {
		return connError(CodeEnhanceYourCalm, "a header block of more than %d CONTINUATION frames", mostContinuations)
	}
	if d.held+len(fragment) > d.lim.HeadBytes {
		return connError(CodeEnhanceYourCalm, "a header block of more than %d bytes", d.lim.HeadBytes)
	}
	if !last || d.held > 0 {
		d.hold(fragment)
		fragment = d.block[:d.held]
	}
	if !last {
		return nil
	}
	err := d.decode(fragment, sink)
	d.drop()
	return err
}

func (d *headDecoder) hold(fragment []byte) {
	need := d.held + len(fragment)
	if need > len(d.block) {
		next := buf.Get(max(need, min(2*need, buf.Huge)))
		copy(next, d.block[:d.held])
		if d.block != nil {
			buf.Put(d.block)
		}
		d.block = next
	}
	copy(d.block[d.held:], fragment)
	d.held = need
}

// drop gives back the memory of the fragments.
func (d *headDecoder) drop() {
	if d.block != nil {
		buf.Put(d.block)
	}
	d.block, d.held, d.frames = nil, 0, 0
}

func (d *headDecoder) decode(block []byte, sink fieldSink) error {
	d.sink, d.size, d.fields = sink, 0, 0
	d.dec.SetEmitEnabled(true)
	_, err := d.dec.Write(block)
	if err == nil {
		err = d.dec.Close()
	}
	d.sink = nil
	if err != nil {
		return connError(CodeCompression, "header block: %v", err)
	}
	if d.size > excess*d.lim.HeadBytes || d.fields > excess*d.lim.Fields {
		// A block that unpacks to so much more than is allowed is an attack.
		return connError(CodeEnhanceYourCalm, "a header block that unpacks to more than %d times the limit", excess)
	}
	return nil
}

// excess is how much more than the limits a block may unpack to before the
// connection ends instead of the stream.
const excess = 4

func (d *headDecoder) emit(f hpack.HeaderField) {
	d.size += len(f.Name) + len(f.Value) + fieldOverhead
	d.fields++
	if d.tooLarge() || d.tooMany() {
		if d.size > excess*d.lim.HeadBytes || d.fields > excess*d.lim.Fields {
			d.dec.SetEmitEnabled(false)
		}
		return
	}
	d.sink.field(f.Name, f.Value)
}

// tooLarge reports whether the fields of the last block are more than
// Limits.HeadBytes.
func (d *headDecoder) tooLarge() bool { return d.size > d.lim.HeadBytes }

// tooMany reports whether they are more than Limits.Fields and the
// pseudo-header fields.
func (d *headDecoder) tooMany() bool { return d.fields > d.lim.Fields+mostPseudo }

// mostPseudo is the number of pseudo-header fields that there are (RFC 9113
// 8.3, RFC 8441 4).
const mostPseudo = 5
