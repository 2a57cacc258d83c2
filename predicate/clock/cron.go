package clock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Cron",
	Params:  []arg.Param{{Name: "expression", Type: arg.Text}},
	Doc:     "minute, hour, day of the month, month and day of the week are all among those of the expression, in the time zone of the process",
	Example: `office: Path("/chat") && Cron("* 9-17 * * 1-5") -> "http://chat.example.org";`,
	Differs: `Steps such as */15 are known and 7 is Sunday, too. A range that ends before it begins is an error, because it can never match.`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		m, err := parseCron(v.Text(0))
		if err != nil {
			return nil, v.Wrong(0, "%w", err)
		}
		return m, nil
	},
})

// mask has a bit for each value that matches, field by field.
type mask [len(cronFields)]uint64

// cronFields are the fields of an expression in order. Days of the week may be 0
// to 7, of which the last is the first.
var cronFields = [...]struct {
	name       string
	least, top int
}{
	{"minute", 0, 59},
	{"hour", 0, 23},
	{"day of the month", 1, 31},
	{"month", 1, 12},
	{"day of the week", 0, 7},
}

// Match implements predicate.Predicate. All fields must match: unlike some crons,
// a day of the month and a day of the week are not alternatives.
func (m mask) Match(r *message.Request) bool {
	t := received(r).In(time.Local)
	for i, n := range [...]int{t.Minute(), t.Hour(), t.Day(), int(t.Month()), int(t.Weekday())} {
		if m[i]>>n&1 == 0 {
			return false
		}
	}
	return true
}

// longestCron bounds expressions: one that lists every value of every field is
// shorter.
const longestCron = 1 << 10

// parseCron reads five fields of lists of values, ranges and steps.
func parseCron(expr string) (m mask, err error) {
	if len(expr) > longestCron {
		return m, fmt.Errorf("found %d characters, expected at most %d", len(expr), longestCron)
	}
	fields := strings.Fields(expr)
	if len(fields) != len(m) {
		return m, fmt.Errorf(`found %q, expected five fields such as "*/5 9-17 * * 1-5": minute, hour, day of the month, month, day of the week`, expr)
	}
	for i, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			bits, err := parseItem(item, cronFields[i].least, cronFields[i].top)
			if err != nil {
				return m, fmt.Errorf("%s %q: %w", cronFields[i].name, field, err)
			}
			m[i] |= bits
		}
	}
	m[len(m)-1] |= m[len(m)-1] >> 7 & 1 // Sunday
	return m, nil
}

// parseItem reads "*", a value or a range of them, the last two with a step or
// without.
func parseItem(item string, least, top int) (bits uint64, err error) {
	span, stepText, stepped := strings.Cut(item, "/")
	from, to, step := least, top, 1
	if span != "*" {
		first, last, ranged := strings.Cut(span, "-")
		if from, err = cronNumber(first, least, top); err != nil {
			return 0, err
		}
		if to = from; ranged {
			if to, err = cronNumber(last, least, top); err != nil {
				return 0, err
			}
		} else if stepped {
			return 0, fmt.Errorf("found the step %q behind one value, expected it behind * or a range", "/"+stepText)
		}
	}
	if stepped {
		if step, err = cronNumber(stepText, 1, top); err != nil {
			return 0, fmt.Errorf("step: %w", err)
		}
	}
	if from > to {
		return 0, fmt.Errorf("found the range %q, expected its end not to be before its begin", span)
	}
	for n := from; n <= to; n += step {
		bits |= 1 << n
	}
	return bits, nil
}

// cronNumber reads digits only: no sign, no space.
func cronNumber(s string, least, top int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || int(n) < least || int(n) > top {
		return 0, fmt.Errorf("found %q, expected a number from %d to %d", s, least, top)
	}
	return int(n), nil
}
