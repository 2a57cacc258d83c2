package clock

import (
	"testing"

	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestMatch(t *testing.T) {
	at := func(s string) string { return "GET /\n:received " + s }
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `After("2016-01-01T12:00:00+02:00")`, Request: at("2016-01-01T10:00:00Z"), Matches: true},
		{Predicate: `After("2016-01-01T12:00:00+02:00")`, Request: at("2016-01-01T09:59:59.999Z")},
		{Predicate: `After(1451642400)`, Request: at("2016-01-01T10:00:00Z"), Matches: true},
		{Predicate: `After(1451642400)`, Request: at("2016-01-01T09:59:59Z")},
		{Predicate: `After("2016-07-01T12:00:00", "Europe/Berlin")`, Request: at("2016-07-01T10:00:00Z"), Matches: true},
		{Predicate: `After("2016-07-01T12:00:00", "Europe/Berlin")`, Request: at("2016-07-01T09:59:59Z")},
		{Predicate: `After(0)`, Request: "GET /", Matches: true},
		{Predicate: `Before("2016-01-01T12:00:00Z")`, Request: at("2016-01-01T11:59:59Z"), Matches: true},
		{Predicate: `Before("2016-01-01T12:00:00Z")`, Request: at("2016-01-01T12:00:00Z")},
		{Predicate: `Before(0)`, Request: "GET /"},
		{Predicate: `Before("2016-01-01T12:00:00", "America/New_York")`, Request: at("2016-01-01T16:59:59Z"), Matches: true},
		{Predicate: `Between(100, 200)`, Request: at("1970-01-01T00:01:40Z"), Matches: true},
		{Predicate: `Between(100, 200)`, Request: at("1970-01-01T00:01:39Z")},
		{Predicate: `Between(100, 200)`, Request: at("1970-01-01T00:03:19.9Z"), Matches: true},
		{Predicate: `Between(100, 200)`, Request: at("1970-01-01T00:03:20Z")},
		{Predicate: `Between("2016-01-01T12:00:00", "2016-01-01T13:00:00", "Europe/Berlin")`, Request: at("2016-01-01T11:30:00Z"), Matches: true},
		{Predicate: `Between("2016-01-01T12:00:00", "2016-01-01T13:00:00", "Europe/Berlin")`, Request: at("2016-01-01T12:30:00Z")},
		{Predicate: `Between("2016-01-01T12:00:00+02:00", 1451646000)`, Request: at("2016-01-01T10:30:00Z"), Matches: true},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`After()`:                              "found 0 arguments, expected (time[, zone])",
		`After("tomorrow")`:                    `argument 1 (time): found "tomorrow", expected a time such as`,
		`After("2016-01-01T12:00:00")`:         "or one without an offset and the name of its zone",
		`Before("2016-13-01T12:00:00Z")`:       `found "2016-13-01T12:00:00Z"`,
		`Before("2016-01-01T12:00:00Z","UTC")`: "expected a time without an offset",
		`Before("2016-01-01T12:00:00","Mars")`: `found the time zone "Mars"`,
		`Before("2016-01-01T12:00:00","")`:     `found the time zone ""`,
		`Before("2016-01-01T12:00:00","../a")`: `found the time zone "../a"`,
		`After(1, "UTC")`:                      "seconds since 1970 have none",
		`Between(1)`:                           "found 1 argument, expected (begin, end[, zone])",
		`Between(2, 2)`:                        "expected the end to be later",
		`Between("2016-01-01T12:00:00Z", "x")`: `argument 2 (end): found "x"`,
	})
}
