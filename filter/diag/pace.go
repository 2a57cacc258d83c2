package diag

import (
	"context"
	"io"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

const differsPace = "the length of a body stays known; what came is passed on up to the limit and not gathered first"

var _ = filter.Define(filter.Def{
	Name:      "bandwidth",
	Params:    rateParam(),
	Doc:       "bounds the speed of the response's body, in kB (1024 bytes) a second",
	Example:   `* -> bandwidth(30) -> "http://127.0.0.1:8080"`,
	Differs:   differsPace,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		p, err := newBandwidth(v)
		return &pacedResponse{pace: p}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "backendBandwidth",
	Params:    rateParam(),
	Doc:       "bounds the speed of the request's body, in kB (1024 bytes) a second",
	Example:   `* -> backendBandwidth(30) -> "http://127.0.0.1:8080"`,
	Differs:   differsPace,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		p, err := newBandwidth(v)
		return &pacedRequest{pace: p}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "chunks",
	Params:    chunkParams(),
	Doc:       "passes on the response's body in pieces of a length in bytes, with a delay between them",
	Example:   `* -> chunks(1024, "120ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsPace,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		p, err := newChunks(v)
		return &pacedResponse{pace: p}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "backendChunks",
	Params:    chunkParams(),
	Doc:       "passes on the request's body in pieces of a length in bytes, with a delay between them",
	Example:   `* -> backendChunks(1024, "120ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsPace,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		p, err := newChunks(v)
		return &pacedRequest{pace: p}, err
	},
})

// mostRate is no limit for any network of today, in kB a second.
const mostRate = 1 << 30

func rateParam() []arg.Param {
	return []arg.Param{{Name: "speed", Type: arg.Number, Max: mostRate}}
}

func chunkParams() []arg.Param {
	return []arg.Param{{Name: "length", Type: arg.Int, Min: 1, Max: mostContent}, {Name: "delay", Type: arg.Duration}}
}

// pace is how a body may pass: pieces of at most piece bytes with a delay behind
// each whole one, or bytes a second.
type pace struct {
	piece int64
	delay time.Duration
	rate  float64 // bytes a second; 0: by piece and delay
}

// aMoment is how long the pieces of a bounded speed take.
const aMoment = 20 * time.Millisecond

func newBandwidth(v arg.Values) (pace, error) {
	rate := v.Number(0) * 1024
	if rate <= 0 {
		return pace{}, v.Wrong(0, "found %v, expected more than nothing", v.Number(0))
	}
	return pace{rate: rate, piece: int64(max(rate*aMoment.Seconds(), 1))}, nil
}

func newChunks(v arg.Values) (pace, error) {
	if err := checkDelay(v.Duration(1)); err != nil {
		return pace{}, v.Wrong(1, "%w", err)
	}
	return pace{piece: int64(v.Int(0)), delay: v.Duration(1)}, nil
}

type pacedRequest struct {
	filter.RequestOnly
	pace pace
}

func (f *pacedRequest) Request(c *filter.Context) {
	if r := c.Request; r.Body != nil {
		r.SetBody(&pacedBody{src: r.Body, ctx: c.Context(), pace: f.pace, left: f.pace.piece}, r.ContentLength)
	}
}

type pacedResponse struct {
	filter.ResponseOnly
	pace pace
}

func (f *pacedResponse) Response(c *filter.Context) {
	if r := c.Response; r.Body != nil {
		r.SetBody(&pacedBody{src: r.Body, ctx: c.Context(), pace: f.pace, left: f.pace.piece}, r.ContentLength)
	}
}

// pacedBody is a body that passes at a pace.
type pacedBody struct {
	src  io.Reader
	ctx  context.Context
	pace pace
	left int64     // of the piece, when there are delays
	due  time.Time // when more may pass
}

// Read waits until more may pass.
func (b *pacedBody) Read(p []byte) (int, error) {
	if wait := time.Until(b.due); !b.due.IsZero() && wait > 0 && !waitIn(b.ctx, wait) {
		return 0, b.ctx.Err()
	}
	most := b.pace.piece
	if b.pace.rate == 0 {
		most = b.left
	}
	n, err := b.src.Read(p[:min(int64(len(p)), most)])
	switch {
	case n <= 0:
	case b.pace.rate > 0:
		now := time.Now()
		if b.due.Before(now) {
			b.due = now
		}
		b.due = b.due.Add(time.Duration(float64(n) / b.pace.rate * float64(time.Second)))
	default:
		if b.left -= int64(n); b.left == 0 {
			b.left, b.due = b.pace.piece, time.Now().Add(b.pace.delay)
		}
	}
	return n, err
}

// Close closes the source.
func (b *pacedBody) Close() error { return closeSource(b.src) }

func closeSource(r io.Reader) error {
	if c, ok := r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
