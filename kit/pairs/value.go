package pairs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Duration reads a duration from least to most, such as "1.5s", into d.
func Duration(name string, d *time.Duration, least, most time.Duration) Field {
	return Field{name, func(v string) error {
		got, err := time.ParseDuration(v)
		if err != nil || got < least || got > most {
			return fmt.Errorf(`found %q, expected a duration from %v to %v such as "1.5s"`, show(v), least, most)
		}
		*d = got
		return nil
	}}
}

// Int reads a whole number from least to most into n.
func Int(name string, n *int, least, most int) Field {
	return Field{name, func(v string) error {
		got, err := strconv.Atoi(v)
		if err != nil || got < least || got > most {
			return fmt.Errorf("found %q, expected a whole number from %d to %d", show(v), least, most)
		}
		*n = got
		return nil
	}}
}

// Share reads a part of a whole, "20%" or "0.2", into f.
func Share(name string, f *float64) Field {
	return Field{name, func(v string) error {
		text, percent := strings.CutSuffix(v, "%")
		got, err := strconv.ParseFloat(text, 64)
		if percent {
			got /= 100
		}
		if err != nil || !(got >= 0 && got <= 1) {
			return fmt.Errorf(`found %q, expected a share from 0%% to 100%% such as "20%%" or "0.2"`, show(v))
		}
		*f = got
		return nil
	}}
}

// Bool reads "true" or "false" into b.
func Bool(name string, b *bool) Field {
	return Field{name, func(v string) error {
		if v != "true" && v != "false" {
			return fmt.Errorf(`found %q, expected "true" or "false"`, show(v))
		}
		*b = v == "true"
		return nil
	}}
}

// units of sizes; the longer ones first.
var units = [...]struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"kB", 1e3}, {"MB", 1e6}, {"B", 1}, {"", 1}}

// Size reads a number of bytes from 0 to most, such as "64KiB", into n.
func Size(name string, n *int, most int) Field {
	return Field{name, func(v string) error {
		for _, u := range units {
			text, ok := strings.CutSuffix(v, u.suffix)
			if !ok {
				continue
			}
			got, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			if err == nil && got >= 0 && got <= math.MaxInt64/u.bytes && got*u.bytes <= int64(most) {
				*n = int(got * u.bytes)
				return nil
			}
			break
		}
		return fmt.Errorf(`found %q, expected a size up to %d bytes such as "64KiB"`, show(v), most)
	}}
}

// Statuses are status codes of HTTP from 100 to 599. The zero Statuses has none.
type Statuses [10]uint64

// Has reports whether status is one of them.
func (s *Statuses) Has(status int) bool {
	i := uint(status) / 64
	return i < uint(len(s)) && s[i]>>(uint(status)%64)&1 != 0
}

// Add adds the codes from first to last, which must be from 0 to 639.
func (s *Statuses) Add(first, last int) {
	for n := first; n <= last; n++ {
		s[n/64] |= 1 << (n % 64)
	}
}

// Codes reads statuses from least to most (100 to 599) into s: codes and ranges
// such as "429,502-504", or none for an empty list.
func Codes(name string, s *Statuses, least, most int) Field {
	return Field{name, func(v string) error {
		var got Statuses
		if v != "none" {
			for piece := range strings.SplitSeq(v, ",") {
				first, last, isRange := strings.Cut(strings.TrimSpace(piece), "-")
				if !isRange {
					last = first
				}
				a, err1 := strconv.Atoi(first)
				b, err2 := strconv.Atoi(last)
				if err1 != nil || err2 != nil || a < least || b > most || a > b {
					return fmt.Errorf(`found %q, expected statuses from %d to %d such as "429,502-504", or "none"`, show(v), least, most)
				}
				got.Add(a, b)
			}
		}
		*s = got
		return nil
	}}
}

// Words reads a list of words that ok accepts into list; expected says which these
// are.
func Words(name string, list *[]string, ok func(string) bool, expected string) Field {
	return Field{name, func(v string) error {
		var got []string
		for w := range strings.SplitSeq(v, ",") {
			w = strings.TrimSpace(w)
			if !ok(w) {
				return fmt.Errorf("found %q, expected %s", show(v), expected)
			}
			if !slices.Contains(got, w) {
				got = append(got, strings.Clone(w))
			}
		}
		*list = got
		return nil
	}}
}
