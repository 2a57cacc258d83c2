package diag

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
)

const differsJitter = "the wait ends when the client goes away"

var _ = filter.Define(filter.Def{
	Name:      "uniformRequestLatency",
	Params:    spreadParams("delta"),
	Doc:       "delays the request by any time from mean-delta to mean+delta; a number means milliseconds",
	Example:   `* -> uniformRequestLatency("100ms", "10ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsJitter,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := newUniform(v)
		return &delayedRequest{delay: d}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "uniformResponseLatency",
	Params:    spreadParams("delta"),
	Doc:       "delays the response by any time from mean-delta to mean+delta; a number means milliseconds",
	Example:   `* -> uniformResponseLatency("100ms", "10ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsJitter,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := newUniform(v)
		return &delayedResponse{delay: d}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "normalRequestLatency",
	Params:    spreadParams("standard deviation"),
	Doc:       "delays the request by normally distributed times; a number means milliseconds",
	Example:   `* -> normalRequestLatency("10ms", "5ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsJitter,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := newNormal(v)
		return &delayedRequest{delay: d}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "normalResponseLatency",
	Params:    spreadParams("standard deviation"),
	Doc:       "delays the response by normally distributed times; a number means milliseconds",
	Example:   `* -> normalResponseLatency("10ms", "5ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsJitter,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := newNormal(v)
		return &delayedResponse{delay: d}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "histogramRequestLatency",
	Params:    histogramParams(),
	Doc:       "delays the request by times distributed as a histogram says: a bound, a weight, the next bound and so on",
	Example:   `* -> histogramRequestLatency("0ms", 50, "5ms", 0, "10ms", 30, "15ms", 20, "20ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsJitter,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := newHistogram(v)
		return &delayedRequest{delay: d}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "histogramResponseLatency",
	Params:    histogramParams(),
	Doc:       "delays the response by times distributed as a histogram says: a bound, a weight, the next bound and so on",
	Example:   `* -> histogramResponseLatency("0ms", 50, "5ms", 0, "10ms", 30, "15ms", 20, "20ms") -> "http://127.0.0.1:8080"`,
	Differs:   differsJitter,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := newHistogram(v)
		return &delayedResponse{delay: d}, err
	},
})

func spreadParams(spread string) []arg.Param {
	return []arg.Param{{Name: "mean", Type: arg.Duration}, {Name: spread, Type: arg.Duration}}
}

func histogramParams() []arg.Param {
	return []arg.Param{{Name: "bound or weight", Type: arg.Any, Many: true}}
}

type delayedRequest struct {
	filter.RequestOnly
	delay func() time.Duration
}

func (f *delayedRequest) Request(c *filter.Context) { wait(c, f.delay()) }

type delayedResponse struct {
	filter.ResponseOnly
	delay func() time.Duration
}

func (f *delayedResponse) Response(c *filter.Context) { wait(c, f.delay()) }

func newUniform(v arg.Values) (func() time.Duration, error) {
	mean, delta, err := spread(v)
	return func() time.Duration { return mean + time.Duration((2*rand.Float64()-1)*float64(delta)) }, err
}

func newNormal(v arg.Values) (func() time.Duration, error) {
	mean, deviation, err := spread(v)
	return func() time.Duration { return mean + time.Duration(rand.NormFloat64()*float64(deviation)) }, err
}

func spread(v arg.Values) (mean, by time.Duration, err error) {
	for i := range 2 {
		if err := checkDelay(v.Duration(i)); err != nil {
			return 0, 0, v.Wrong(i, "%w", err)
		}
	}
	return v.Duration(0), v.Duration(1), nil
}

// bucket is a part of a histogram.
type bucket struct {
	from, to time.Duration
	weight   float64
}

func newHistogram(v arg.Values) (func() time.Duration, error) {
	buckets, sum, err := histogram(v)
	return func() time.Duration {
		at := rand.Float64() * sum
		for _, b := range buckets {
			if at < b.weight {
				return b.from + time.Duration(rand.Float64()*float64(b.to-b.from))
			}
			at -= b.weight
		}
		return buckets[len(buckets)-1].to
	}, err
}

func histogram(v arg.Values) (buckets []bucket, sum float64, err error) {
	if v.Len() < 3 || v.Len()%2 == 0 {
		return nil, 0, fmt.Errorf(`found %d arguments, expected bounds with a weight between each two, such as "0ms", 50, "5ms"`, v.Len())
	}
	b := bucket{}
	for i, a := range v.Raw() {
		if i%2 == 1 {
			if a.Kind != eskip.NumberArg || a.Number < 0 {
				return nil, 0, v.Wrong(i, "found %.100q, expected the weight between two bounds, a number from 0 on", v.Text(i))
			}
			b.weight = a.Number
			sum += a.Number
			continue
		}
		to, err := time.ParseDuration(a.Text)
		if a.Kind != eskip.StringArg || err != nil {
			return nil, 0, v.Wrong(i, `found %.100q, expected a bound, a duration such as "5ms"`, v.Text(i))
		}
		if err := checkDelay(to); err != nil {
			return nil, 0, v.Wrong(i, "%w", err)
		}
		if b.to = to; i > 0 {
			if b.to <= b.from {
				return nil, 0, v.Wrong(i, "found the bound %s, expected more than the one before, %s", b.to, b.from)
			}
			buckets = append(buckets, b)
		}
		b.from = to
	}
	if !(sum > 0 && sum < 1e300) {
		return nil, 0, errors.New("the weights add up to nothing or too much, expected a sum above 0")
	}
	return buckets, sum, nil
}
