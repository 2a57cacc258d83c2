package compress

import (
	"fmt"
	"io"
	"runtime"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"fairlead.dev/fairlead/filter"
)

// codec is what the libraries have in common.
type codec interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// pieceSize is how much of a body is compressed at once.
const pieceSize = 16 << 10

// mostOutput bounds the output memory that an encoder keeps when it rests.
const mostOutput = 64 << 10

// encoder is a codec with the memory it works in.
type encoder struct {
	codec codec
	in    []byte
	// out[taken:] is compressed and not yet taken.
	out   []byte
	taken int
}

// Write collects what the codec puts out.
func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

// take moves output to p.
func (e *encoder) take(p []byte) int {
	n := copy(p, e.out[e.taken:])
	e.taken += n
	if e.taken == len(e.out) {
		e.out, e.taken = e.out[:0], 0
	}
	return n
}

// pool keeps encoders of one coding and level that rest.
type pool struct {
	free chan *encoder
	make func() codec
	// weight is about what an encoder takes, in bytes.
	weight int64
	budget *budget
}

type poolKey struct {
	coding string
	level  int
}

// mostResting bounds what the resting encoders of a pool take, in bytes; one
// may always rest.
const mostResting = 32 << 20

// sharedPool returns the pool that all routes use for the coding and level.
func sharedPool(env *filter.Env, coding string, level int) (*pool, error) {
	create := maker(coding, level)
	if create == nil {
		return nil, fmt.Errorf("content coding %q: expected gzip, deflate, br or zstd", coding)
	}
	b := sharedBudget(env)
	return env.Shared(poolKey{coding, level}, func() any {
		w := weight(coding, level)
		rest := min(max(1, mostResting/w), 4*int64(runtime.GOMAXPROCS(0)))
		return &pool{free: make(chan *encoder, rest), make: create, weight: w, budget: b}
	}).(*pool), nil
}

// weight returns about how many bytes an encoder takes, as measured.
func weight(coding string, level int) int64 {
	const mb = 1 << 20
	switch {
	case coding == "br" && level >= 10, coding == "zstd" && level >= 10:
		return 36 * mb
	case coding == "br" && level >= 2:
		return 12 * mb
	case coding == "br":
		return 2 * mb
	case coding == "zstd" && level >= 3:
		return 5 * mb
	case level >= 7:
		return 3 * mb / 2
	}
	return mb
}

func (p *pool) get() *encoder {
	var e *encoder
	select {
	case e = <-p.free:
	default:
		e = &encoder{codec: p.make(), in: make([]byte, pieceSize)}
	}
	e.codec.Reset(e)
	return e
}

// put keeps e for later, or drops it when enough rest already.
func (p *pool) put(e *encoder) {
	e.out, e.taken = e.out[:0], 0
	if cap(e.out) > mostOutput {
		e.out = nil
	}
	select {
	case p.free <- e:
	default:
	}
}

// maker returns a function that makes codecs, or nil for an unknown coding.
// Levels beyond those of a coding mean its nearest, so nothing can fail.
func maker(coding string, level int) func() codec {
	switch coding {
	case "gzip":
		return func() codec { return must(gzip.NewWriterLevel(io.Discard, min(level, gzip.BestCompression))) }
	case "deflate": // the zlib format (RFC 9110 8.4.1.2)
		return func() codec { return must(zlib.NewWriterLevel(io.Discard, min(level, zlib.BestCompression))) }
	case "br":
		return func() codec { return brotli.NewWriterLevel(io.Discard, max(level, brotli.BestSpeed)) }
	case "zstd":
		return func() codec { return must(zstd.NewWriter(io.Discard, zstdOptions(level)...)) }
	}
	return nil
}

// zstdWindow bounds the memory of an encoder, and is far below what every
// client must be able to decode (8 MiB, RFC 9659).
const zstdWindow = 512 << 10

func zstdOptions(level int) []zstd.EOption {
	return []zstd.EOption{
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithWindowSize(zstdWindow),
		zstd.WithEncoderConcurrency(1), // no goroutines
		zstd.WithLowerEncoderMem(true),
		zstd.WithAllLitEntropyCompression(true), // text without repetitions shrinks, too
		zstd.WithZeroFrames(true),
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the settings are constants that the library knows
	}
	return v
}
