package header

import (
	"fmt"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name: "ContentLengthBetween",
	Params: []arg.Param{
		{Name: "min", Type: arg.Int, Min: 0, Max: maxLength},
		{Name: "max", Type: arg.Int, Min: 0, Max: maxLength},
	},
	Doc:     "the body has at least min and less than max bytes; a length that is not announced matches nothing",
	Example: `small: Method("POST") && ContentLengthBetween(0, 1048576) -> "http://upload.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		b := between{int64(v.Number(0)), int64(v.Number(1))}
		if b.min >= b.max {
			return nil, fmt.Errorf("found the bounds %d and %d, expected the first to be less than the second", b.min, b.max)
		}
		return b, nil
	},
})

// maxLength is what a number of the route language can hold exactly.
const maxLength = 1 << 53

type between struct{ min, max int64 }

// Match implements predicate.Predicate.
func (b between) Match(r *message.Request) bool {
	return r.ContentLength != message.Unknown && b.min <= r.ContentLength && r.ContentLength < b.max
}
