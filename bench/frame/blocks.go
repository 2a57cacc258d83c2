package frame

import (
	"bytes"
	"fmt"

	"golang.org/x/net/http2/hpack"
)

// Blocks are the header blocks of a sequence that is sent again and again on
// one connection: whole the first time, afterwards by the dynamic table, as
// every client and server does with fields that repeat.
type Blocks struct {
	lists [][]hpack.HeaderField
	buf   bytes.Buffer
	enc   *hpack.Encoder
	first [][]byte
	again [][]byte
	used  bool
	limit uint32
}

// tableSize is the dynamic table that both sides begin with.
const tableSize = 4096

// NewBlocks encodes the lists; they are sent in their order.
func NewBlocks(lists ...[]hpack.HeaderField) *Blocks {
	b := &Blocks{lists: lists, limit: tableSize}
	b.enc = hpack.NewEncoder(&b.buf)
	b.encode()
	return b
}

// Limit takes up the other side's SETTINGS_HEADER_TABLE_SIZE.
func (b *Blocks) Limit(size uint32) {
	size = min(size, tableSize)
	if size == b.limit {
		return
	}
	b.limit = size
	if !b.used { // what the encoder has in its table was never sent
		b.enc = hpack.NewEncoder(&b.buf)
	}
	b.enc.SetMaxDynamicTableSizeLimit(size)
	b.enc.SetMaxDynamicTableSize(size)
	b.encode()
}

// Next returns the blocks of the lists. They must be sent before the next call.
func (b *Blocks) Next() [][]byte {
	if b.used {
		return b.again
	}
	b.used = true
	return b.first
}

func (b *Blocks) encode() {
	b.first, b.again, b.used = b.round(), b.round(), false
}

func (b *Blocks) round() [][]byte {
	var blocks [][]byte
	for _, list := range b.lists {
		b.buf.Reset()
		for _, f := range list {
			if err := b.enc.WriteField(f); err != nil {
				panic(fmt.Sprintf("a buffer that grows refused %q: %v", f.Name, err))
			}
		}
		blocks = append(blocks, bytes.Clone(b.buf.Bytes()))
	}
	return blocks
}

// Fields makes a list of pairs: name, value, name, value.
func Fields(pairs ...string) []hpack.HeaderField {
	var list []hpack.HeaderField
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return list
}
