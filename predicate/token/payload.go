package token

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/kit/claims"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// pair is a claim and what it must be: expr when set, or else text.
type pair struct {
	claim, text string
	expr        *predicate.Regexp
}

// payload matches requests whose token has all of the claims, or any.
type payload struct {
	pairs []pair
	all   bool
}

// Match implements predicate.Predicate.
func (p payload) Match(r *message.Request) bool {
	token, ok := claims.Bearer(r.Header.Get("Authorization"))
	if !ok {
		return false
	}
	var buf [2 << 10]byte
	said, ok := claims.Decode(token, buf[:])
	if !ok {
		return false
	}
	for i := range p.pairs {
		if p.pairs[i].match(said) != p.all {
			return !p.all
		}
	}
	return p.all
}

func (p *pair) match(said claims.Payload) bool {
	value, ok := said.Text(p.claim)
	switch {
	case !ok:
		return false
	case p.expr != nil:
		// A copy lets the payload stay on the stack: an expression keeps its text.
		return p.expr.MatchString(strings.Clone(value))
	}
	return value == p.text
}

// differs says in the reference page where all four are not Skipper's.
const differs = `The word Bearer may be written in any case, as RFC 9110 has it.`

func params(value string) []arg.Param {
	return []arg.Param{{Name: "claim, " + value, Type: arg.Text, Many: true}}
}

// newPayload makes an instance of claims and values in turn.
func newPayload(v arg.Values, env *predicate.Env, all, expressions bool) (predicate.Predicate, error) {
	texts := v.Texts(0)
	if len(texts)%2 != 0 {
		return nil, fmt.Errorf("found %d arguments, expected pairs of a claim and what it must be", len(texts))
	}
	p := payload{all: all}
	for i := 0; i < len(texts); i += 2 {
		next := pair{claim: texts[i], text: texts[i+1]}
		if next.claim == "" {
			return nil, v.Wrong(i, `found "", expected the name of a claim`)
		}
		if expressions {
			if err := arg.CheckRegexp(next.text); err != nil {
				return nil, v.Wrong(i+1, "%w", err)
			}
			next.expr = env.Regexp(next.text)
		}
		p.pairs = append(p.pairs, next)
	}
	return p, nil
}
