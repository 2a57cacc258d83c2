package flowid

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "flowId",
	Params: []arg.Param{
		{Name: "reuse", Type: arg.Text, Optional: true, Default: "a new id each time"},
		{Name: "length or kind", Type: arg.Any, Optional: true, Default: "16"},
	},
	Doc:     `sets X-Flow-Id to a new id; with "reuse", only if the client sent no usable one; the kind is a length or "ulid"`,
	Example: `* -> flowId("reuse") -> "http://127.0.0.1:8080"`,
	New:     newFlowID,
})

const header = "X-Flow-Id"

// The lengths of ids (as with the peer).
const (
	shortest = 8
	usual    = 16
	longest  = 64
)

type flowID struct {
	filter.RequestOnly
	reuse bool
	// length of a plain id; 0 means a ULID.
	length int
}

func newFlowID(v arg.Values, _ *filter.Env) (filter.Filter, error) {
	f := &flowID{length: usual}
	switch strings.ToLower(v.Text(0)) {
	case "reuse":
		f.reuse = true
	case "":
	default:
		return nil, fmt.Errorf(`found %q, expected "reuse" or nothing`, v.Text(0))
	}
	if !v.Has(1) {
		return f, nil
	}
	if v.Raw()[1].Kind == eskip.NumberArg {
		f.length = v.Int(1)
		if float64(f.length) != v.Number(1) || f.length < shortest || f.length > longest {
			return nil, fmt.Errorf("found the length %v, expected a whole number from %d to %d", v.Number(1), shortest, longest)
		}
		return f, nil
	}
	switch strings.ToLower(v.Text(1)) {
	case "ulid":
		f.length = 0
	case "standard":
	default:
		return nil, fmt.Errorf(`found the kind %q, expected "standard" or "ulid"`, v.Text(1))
	}
	return f, nil
}

func (f *flowID) Request(c *filter.Context) {
	h := &c.Request.Header
	if f.reuse && usable(h.Get(header)) {
		return
	}
	if f.length == 0 {
		h.Set(header, newULID(time.Now()))
		return
	}
	h.Set(header, newID(f.length))
}

// usable reports whether an id that a client sent may be kept: only then can it
// stand in logs as it is.
func usable(id string) bool {
	if len(id) < shortest || len(id) > longest {
		return false
	}
	for i := range len(id) {
		if strings.IndexByte(letters, id[i]) < 0 {
			return false
		}
	}
	return true
}

const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+"

// newID returns n random letters of 6 bits each. The runtime's generator is
// seeded by the system and cannot be foreseen.
func newID(n int) string {
	const lettersInUint64 = 10
	var b [longest]byte
	var bits uint64
	for i := range n {
		if i%lettersInUint64 == 0 {
			bits = rand.Uint64()
		}
		b[i] = letters[bits&63]
		bits >>= 6
	}
	return string(b[:n])
}

// crockford is the alphabet of ULIDs.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newULID returns 48 bits of milliseconds and 80 random ones in Crockford's
// base 32, so that ids sort by time.
func newULID(now time.Time) string {
	var b [26]byte
	ms := uint64(now.UnixMilli())
	for i := 9; i >= 0; i-- {
		b[i] = crockford[ms&31]
		ms >>= 5
	}
	hi, lo := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		b[10+i] = crockford[hi>>(5*i)&31]
		b[18+i] = crockford[lo>>(5*i)&31]
	}
	return string(b[:])
}
