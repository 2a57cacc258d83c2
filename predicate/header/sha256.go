package header

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"unsafe"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:   "HeaderSHA256",
	Params: []arg.Param{{Name: "name", Type: arg.Text}, {Name: "hash", Type: arg.Text, Many: true}},
	Doc:    "the SHA-256 hash of one of the values of the header field is one of these, in hexadecimal",
	Example: `partner: HeaderSHA256("X-Secret",
  "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b") -> "http://partner.example.org";`,
	Differs: "A hash that is none is not quoted in the error: it may be a secret in the wrong place.",
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		if err := checkName(v.Text(0)); err != nil {
			return nil, err
		}
		h := hashed{name: v.Text(0)}
		for i, text := range v.Texts(1) {
			sum, err := hex.DecodeString(text)
			if err != nil || len(sum) != sha256.Size {
				// The text is not quoted: it may be the secret itself.
				return nil, fmt.Errorf("argument %d (hash): expected the 64 hexadecimal digits of a SHA-256 hash, found %d characters", i+2, len(text))
			}
			h.sums = append(h.sums, [sha256.Size]byte(sum))
		}
		return h, nil
	},
})

type hashed struct {
	name string
	sums [][sha256.Size]byte
}

// Match implements predicate.Predicate. How long it takes tells nothing about
// the hashes.
func (h hashed) Match(r *message.Request) bool {
	found := 0
	for value := range r.Header.Values(h.name) {
		sum := sha256.Sum256(unsafe.Slice(unsafe.StringData(value), len(value)))
		for i := range h.sums {
			found |= subtle.ConstantTimeCompare(sum[:], h.sums[i][:])
		}
	}
	return found == 1
}
