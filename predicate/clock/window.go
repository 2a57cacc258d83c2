package clock

import (
	"fmt"
	"math"
	"strconv"
	"time"
	_ "time/tzdata" // so that names of zones work in an empty container

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/message"
)

// window is a span of time without its end; a zero bound is none.
type window struct{ from, to time.Time }

// Match implements predicate.Predicate.
func (w window) Match(r *message.Request) bool {
	now := received(r)
	return (w.from.IsZero() || !now.Before(w.from)) && (w.to.IsZero() || now.Before(w.to))
}

// received returns when the request came: the same for all routes.
func received(r *message.Request) time.Time {
	if r.Received.IsZero() {
		return time.Now()
	}
	return r.Received
}

// local is the form of a time whose zone is another argument.
const local = "2006-01-02T15:04:05"

// readTime reads argument i: a number of seconds since 1970, RFC 3339, or a
// local time when argument zone was given.
func readTime(v arg.Values, i, zone int) (time.Time, error) {
	t, err := parseTime(v.Raw()[i], v.Text(zone), v.Has(zone))
	if err != nil {
		return time.Time{}, v.Wrong(i, "%w", err)
	}
	return t, nil
}

func parseTime(a eskip.Arg, zone string, hasZone bool) (time.Time, error) {
	if a.Kind == eskip.NumberArg {
		if hasZone {
			return time.Time{}, fmt.Errorf("found the number %v and a time zone: seconds since 1970 have none", a.Number)
		}
		// Beyond the year 292,277,026,596 seconds do not fit.
		if !(math.Abs(a.Number) < 1<<53) {
			return time.Time{}, fmt.Errorf("found %v, expected seconds since 1970", a.Number)
		}
		return time.Unix(int64(a.Number), 0), nil
	}
	if !hasZone {
		t, err := time.Parse(time.RFC3339, a.Text)
		if err != nil {
			return time.Time{}, fmt.Errorf("found %s, expected a time such as \"2016-01-01T12:00:00+02:00\", or one without an offset and the name of its zone", quote(a.Text))
		}
		return t, nil
	}
	place, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return time.Time{}, fmt.Errorf("found the time zone %s, expected a name such as \"Europe/Berlin\"", quote(zone))
	}
	t, err := time.ParseInLocation(local, a.Text, place)
	if err != nil {
		return time.Time{}, fmt.Errorf("found %s, expected a time without an offset, such as \"2016-01-01T12:00:00\", because a zone is given", quote(a.Text))
	}
	return t, nil
}

// quote quotes what fits on a line.
func quote(s string) string { return strconv.Quote(s[:min(len(s), 60)]) }
