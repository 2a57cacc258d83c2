// Package arg describes and checks the arguments of predicates and filters:
// one declaration gives the check with its messages, the reference page and
// shell completion.
//
// Start reading at Param, then Check.
package arg

import (
	"fmt"
	"regexp"
	"time"

	"fairlead.dev/fairlead/eskip"
)

// Type is what one argument may be.
type Type uint8

// The types of arguments.
const (
	Text     Type = iota // any string
	Template             // a string with ${...} placeholders (spec 1.3)
	Regexp               // an RE2 regular expression
	Number               // any number
	Int                  // a whole number
	Duration             // "1s", or a number in the Param's Unit
	Bool                 // "true" or "false"
	CIDR                 // an IP address or a network
	Enum                 // one of Param.OneOf
	Any                  // string or number
)

// Param declares one argument.
type Param struct {
	// Name as it appears in the reference page and in errors.
	Name string
	Type Type
	// Optional parameters come after all others.
	Optional bool
	// Many makes the last parameter take any number of arguments: at least one,
	// or none when Optional too.
	Many bool
	// Min and Max bound a Number or Int when Max > Min.
	Min, Max float64
	// Unit of a Duration given as a number; the default is time.Millisecond.
	Unit time.Duration
	// OneOf lists the values of an Enum.
	OneOf []string
	// Default says, for the reference page, what an Optional parameter that was
	// left away stands for; "" if it then has no part in what happens.
	Default string
}

// Values are checked arguments: the accessors cannot fail for a type that the
// Params promised. Missing optional arguments give the zero value.
type Values struct {
	params []Param
	values []value
	args   []eskip.Arg
}

type value struct {
	text     string
	number   float64
	duration time.Duration
	isRegexp bool
}

// Wrong returns the error for argument i, counted from 0: what was found and what
// is expected, after the position and name of the argument. Constructors use it for
// what Check cannot know.
func (v Values) Wrong(i int, format string, a ...any) error {
	err := fmt.Errorf(format, a...)
	if i < 0 || len(v.params) == 0 {
		return err
	}
	return fmt.Errorf("argument %d (%s): %w", i+1, v.params[min(i, len(v.params)-1)].Name, err)
}

// Len returns how many arguments were given.
func (v Values) Len() int { return len(v.args) }

// Has reports whether argument i was given.
func (v Values) Has(i int) bool { return i < len(v.args) }

// Raw returns the arguments as written.
func (v Values) Raw() []eskip.Arg { return v.args }

// Text returns argument i as it was written, or "" for a number; the number of
// an Any becomes a decimal.
func (v Values) Text(i int) string {
	if i < len(v.values) {
		return v.values[i].text
	}
	return ""
}

// Texts returns the arguments from i on as strings.
func (v Values) Texts(i int) []string {
	if i >= len(v.values) {
		return nil
	}
	out := make([]string, 0, len(v.values)-i)
	for ; i < len(v.values); i++ {
		out = append(out, v.values[i].text)
	}
	return out
}

// Number returns argument i as a number.
func (v Values) Number(i int) float64 {
	if i < len(v.values) {
		return v.values[i].number
	}
	return 0
}

// Int returns argument i as a whole number.
func (v Values) Int(i int) int { return int(v.Number(i)) }

// Bool returns argument i as a truth value.
func (v Values) Bool(i int) bool { return v.Text(i) == "true" }

// Duration returns argument i as a duration.
func (v Values) Duration(i int) time.Duration {
	if i < len(v.values) {
		return v.values[i].duration
	}
	return 0
}

// Regexp compiles argument i, or returns nil when it was not given or is no
// Regexp. Check has only made sure that it can be compiled: call Regexp once and
// keep what it returns.
func (v Values) Regexp(i int) *regexp.Regexp {
	if i >= len(v.values) || !v.values[i].isRegexp {
		return nil
	}
	rx, err := regexp.Compile(v.values[i].text)
	if err != nil {
		return nil
	}
	return rx
}
