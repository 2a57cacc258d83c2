package arg

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/kit/cidr"
	"fairlead.dev/fairlead/kit/suggest"
)

// Check compares args with params. The error says which argument is wrong, what
// was found and what was expected.
func Check(params []Param, args []eskip.Arg) (Values, error) {
	if err := checkCount(params, args); err != nil {
		return Values{}, err
	}
	v := Values{params: params, values: make([]value, len(args)), args: args}
	for i, a := range args {
		p := params[min(i, len(params)-1)]
		got, err := p.check(a)
		if err != nil {
			return Values{}, fmt.Errorf("argument %d (%s): %w", i+1, p.Name, err)
		}
		v.values[i] = got
	}
	return v, nil
}

func checkCount(params []Param, args []eskip.Arg) error {
	least, most := 0, len(params)
	for _, p := range params {
		if !p.Optional {
			least++
		}
		if p.Many {
			most = math.MaxInt
		}
	}
	if len(args) >= least && len(args) <= most {
		return nil
	}
	return fmt.Errorf("found %s, expected %s", plural(len(args)), Signature(params))
}

func plural(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return strconv.Itoa(n) + " arguments"
}

// Signature writes params the way the reference page shows them:
// (name, value[, flag...]).
func Signature(params []Param) string {
	var b strings.Builder
	b.WriteByte('(')
	open := 0
	for i, p := range params {
		if p.Optional {
			b.WriteByte('[')
			open++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
		if p.Many {
			b.WriteString("...")
		}
	}
	b.WriteString(strings.Repeat("]", open))
	b.WriteByte(')')
	return b.String()
}

func (p Param) check(a eskip.Arg) (value, error) {
	switch p.Type {
	case Number, Int:
		return p.checkNumber(a)
	case Duration:
		return p.checkDuration(a)
	case Any:
		if a.Kind == eskip.NumberArg {
			return value{number: a.Number, text: strconv.FormatFloat(a.Number, 'f', -1, 64)}, nil
		}
		return value{text: a.Text}, nil
	}
	if a.Kind != eskip.StringArg {
		return value{}, fmt.Errorf("found the number %v, expected %s", a.Number, p.Type)
	}
	return p.checkText(a.Text)
}

func (p Param) checkText(s string) (value, error) {
	switch p.Type {
	case Regexp:
		if err := CheckRegexp(s); err != nil {
			return value{}, err
		}
		return value{text: s, isRegexp: true}, nil
	case Bool:
		if s != "true" && s != "false" {
			return value{}, fmt.Errorf(`found %s, expected "true" or "false"`, quote(s))
		}
	case CIDR:
		if _, err := cidr.ParsePrefix(s); err != nil {
			return value{}, fmt.Errorf("found %s, expected an IP address or a network such as 10.0.0.0/8", quote(s))
		}
	case Enum:
		if !slices.Contains(p.OneOf, s) {
			return value{}, p.notOneOf(s)
		}
	}
	return value{text: s}, nil
}

func (p Param) notOneOf(s string) error {
	if n := suggest.Nearest(s, p.OneOf); n != "" {
		return fmt.Errorf("found %s, did you mean %q?", quote(s), n)
	}
	return fmt.Errorf("found %s, expected one of %q", quote(s), p.OneOf)
}

// quote quotes text of a document for an error, and cuts what is too long to
// be read there.
func quote(s string) string {
	const most = 120
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:most]) + "..."
}

// maxInt is the largest whole number up to which a float64 has all of them.
const maxInt = 1 << 53

func (p Param) checkNumber(a eskip.Arg) (value, error) {
	if a.Kind != eskip.NumberArg {
		return value{}, fmt.Errorf("found the string %s, expected %s", quote(a.Text), p.Type)
	}
	if math.IsNaN(a.Number) || math.IsInf(a.Number, 0) {
		return value{}, fmt.Errorf("found %v, expected %s", a.Number, p.Type)
	}
	if p.Type == Int && a.Number != math.Trunc(a.Number) {
		return value{}, fmt.Errorf("found %v, expected a whole number", a.Number)
	}
	if p.Type == Int && math.Abs(a.Number) > maxInt {
		return value{}, fmt.Errorf("found %v, expected a number between -2^53 and 2^53", a.Number)
	}
	if p.Max > p.Min && (a.Number < p.Min || a.Number > p.Max) {
		return value{}, fmt.Errorf("found %v, expected a number from %v to %v", a.Number, p.Min, p.Max)
	}
	return value{number: a.Number}, nil
}

func (p Param) checkDuration(a eskip.Arg) (value, error) {
	if a.Kind == eskip.NumberArg {
		unit := p.Unit
		if unit == 0 {
			unit = time.Millisecond
		}
		d := a.Number * float64(unit)
		if !(d > math.MinInt64 && d < math.MaxInt64) {
			return value{}, fmt.Errorf("found %v, a duration out of range", a.Number)
		}
		return value{number: a.Number, duration: time.Duration(d)}, nil
	}
	d, err := time.ParseDuration(a.Text)
	if err != nil {
		return value{}, fmt.Errorf(`found %s, expected a duration such as "1.5s"`, quote(a.Text))
	}
	return value{text: a.Text, duration: d}, nil
}

// String names the type for people.
func (t Type) String() string {
	return [...]string{
		"a string", "a template", "a regular expression", "a number", "a whole number",
		"a duration", `"true" or "false"`, "an IP address or network", "one of a list", "a string or a number",
	}[t]
}
