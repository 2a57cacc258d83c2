package compress

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// decodec is the other half of a codec. Reset may read.
type decodec interface {
	io.Reader
	Reset(io.Reader) error
}

// newDecodec returns a decoder of the coding.
func newDecodec(coding string) decodec {
	switch coding {
	case "br":
		return new(brotli.Reader)
	case "deflate":
		return new(inflate)
	case "zstd":
		return must(zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(1), // no goroutines
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(mostWindow)))
	}
	return new(gzip.Reader)
}

// mostWindow is what every sender of zstd must be content with (RFC 9659).
const mostWindow = 8 << 20

// inflate decodes the zlib format, and raw deflate data, which some senders
// mistake for it (RFC 9110 8.4.1.2).
type inflate struct {
	in   bufio.Reader
	zlib io.ReadCloser
	raw  io.ReadCloser
	cur  io.Reader
}

func (d *inflate) Reset(r io.Reader) (err error) {
	d.in.Reset(r)
	head, err := d.in.Peek(2)
	if err != nil && len(head) == 0 {
		return err
	}
	if len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		if d.zlib == nil {
			d.zlib, err = zlib.NewReader(&d.in)
		} else {
			err = d.zlib.(zlib.Resetter).Reset(&d.in, nil)
		}
		d.cur = d.zlib
		return err
	}
	if d.raw == nil {
		d.raw = flate.NewReader(&d.in)
	} else if err := d.raw.(flate.Resetter).Reset(&d.in, nil); err != nil {
		return err
	}
	d.cur = d.raw
	return nil
}

func (d *inflate) Read(p []byte) (int, error) {
	n, err := d.cur.Read(p)
	if err != io.EOF { // the libraries return it bare
		return n, err
	}
	if _, more := d.in.ReadByte(); more != io.EOF { //nolint:errorlint // ReadByte returns it bare
		if more == nil {
			more = errors.New("there is data behind the end")
		}
		return n, more
	}
	return n, io.EOF
}

// received counts what comes and keeps why no more does.
type received struct {
	r   io.Reader
	n   int64
	err error // not io.EOF
}

func (r *received) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	if err != nil && err != io.EOF { // readers return it bare
		r.err = err
	}
	return n, err
}

// decoded is a body whose codings are undone while it is read. It holds decoders
// from the first Read to Close, and the memory for them that was taken from the
// budget before.
type decoded struct {
	src     received
	codings []coded
	budget  *budget
	weight  int64
	ratio   int64
	made    []decodec // for the last coding first
	n       int64     // bytes that were read
	err     error
	closed  bool
}

// newDecoded returns a body; the caller took weight from the budget.
func newDecoded(src io.Reader, codings []coded, weight int64, f *decompress) *decoded {
	return &decoded{
		src: received{r: src}, codings: append([]coded(nil), codings...),
		budget: f.budget, weight: weight, ratio: f.ratio,
	}
}

// freeOutput is how much may be made of little: small texts shrink well.
const freeOutput = 4 << 20

// Read returns decoded data as soon as there is some.
func (b *decoded) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if len(b.made) < len(b.codings) {
		if b.err = b.begin(); b.err != nil {
			return 0, b.err
		}
	}
	for range mostEmptyReads {
		n, err := b.made[len(b.made)-1].Read(p)
		b.n += int64(n)
		if b.ratio > 0 && b.n > freeOutput && b.n/b.ratio > b.src.n {
			b.err = broken(fmt.Errorf("%d bytes became more than %d times as many, which -decompress-max-ratio does not allow", b.src.n, b.ratio))
			return 0, b.err
		}
		if err != nil {
			b.err = b.why(err)
		}
		if n > 0 {
			return n, nil
		}
		if b.err != nil {
			return 0, b.err
		}
	}
	b.err = io.ErrNoProgress
	return 0, b.err
}

// begin makes the decoders. An empty body is one, whatever its coding.
func (b *decoded) begin() error {
	first := bufio.NewReaderSize(&b.src, pieceSize)
	if _, err := first.Peek(1); err != nil {
		if err == io.EOF { // Peek returns it bare
			return err
		}
		return b.why(err)
	}
	var r io.Reader = first
	for i := len(b.codings) - 1; i >= 0; i-- {
		d, ok := b.codings[i].pool.Get().(decodec)
		if !ok {
			d = newDecodec(b.codings[i].name)
		}
		b.made = append(b.made, d)
		if err := d.Reset(r); err != nil {
			return b.why(err)
		}
		r = d
	}
	return nil
}

// why tells a broken source, a broken encoding and the end apart.
func (b *decoded) why(err error) error {
	switch {
	case b.src.err != nil:
		return b.src.err
	case err == io.EOF && len(b.made) == len(b.codings): //nolint:errorlint // the decoders return it bare
		return io.EOF
	case err == io.EOF: //nolint:errorlint // see above
		err = io.ErrUnexpectedEOF
	}
	return broken(err)
}

func broken(err error) error {
	return &filter.BodyError{Reason: message.ReasonBodyTransform, Err: fmt.Errorf("decompress a response: %w", err)}
}

// Close gives decoders and memory back and closes the source.
func (b *decoded) Close() error {
	if b.closed {
		return nil
	}
	b.closed, b.err = true, fs.ErrClosed
	for i, d := range b.made {
		b.codings[len(b.codings)-1-i].pool.Put(d)
	}
	b.made = nil
	b.budget.give(b.weight)
	if c, ok := b.src.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
