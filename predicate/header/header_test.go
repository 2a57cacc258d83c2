package header

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestHeader(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `Header("X-A", "1")`, Request: "GET /\nX-A: 1", Matches: true},
		{Predicate: `Header("x-a", "1")`, Request: "GET /\nX-A: 1", Matches: true},
		{Predicate: `Header("X-A", "1")`, Request: "GET /\nx-a: 2\nx-a: 1", Matches: true},
		{Predicate: `Header("X-A", "a")`, Request: "GET /\nX-A: A"},
		{Predicate: `Header("X-A", "1")`, Request: "GET /\nX-A: 1, 2"},
		{Predicate: `Header("X-A", "1")`, Request: "GET /\nX-B: 1"},
		{Predicate: `Header("X-A", "")`, Request: "GET /\nX-A:", Matches: true},
		{Predicate: `Header("X-A", "")`, Request: "GET /"},
		{Predicate: `HeaderRegexp("X-A", "^1")`, Request: "GET /\nx-a: 12", Matches: true},
		{Predicate: `HeaderRegexp("X-A", "^1")`, Request: "GET /\nX-A: 2\nX-A: 1", Matches: true},
		{Predicate: `HeaderRegexp("X-A", "^1")`, Request: "GET /\nX-A: 21"},
		{Predicate: `HeaderRegexp("X-A", "")`, Request: "GET /\nX-A:", Matches: true},
		{Predicate: `HeaderRegexp("X-A", "")`, Request: "GET /"},
	})
}

func TestCookie(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `Cookie("a", "^1$")`, Request: "GET /\nCookie: b=2; a=1", Matches: true},
		{Predicate: `Cookie("a", "^1$")`, Request: "GET /\nCookie: b=2\nCookie: a=1", Matches: true},
		{Predicate: `Cookie("a", "^1$")`, Request: "GET /\nCookie: a=2; a=1"},
		{Predicate: `Cookie("a", "^1$")`, Request: "GET /\nCookie: A=1"},
		{Predicate: `Cookie("a", "^1$")`, Request: "GET /\nCookie: ba=1"},
		{Predicate: `Cookie("a", "^1$")`, Request: `GET /` + "\n" + `Cookie: a="1"`, Matches: true},
		{Predicate: `Cookie("a", "")`, Request: "GET /\nCookie: a", Matches: true},
		{Predicate: `Cookie("a", "")`, Request: "GET /\nCookie: b=a"},
		{Predicate: `Cookie("a", "")`, Request: "GET /"},
	})
}

// The hash is that of "secret".
const secretHash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

func TestHeaderSHA256(t *testing.T) {
	other := strings.Repeat("0", 64)
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `HeaderSHA256("X-A", "` + secretHash + `")`, Request: "GET /\nX-A: secret", Matches: true},
		{Predicate: `HeaderSHA256("x-a", "` + strings.ToUpper(secretHash) + `")`, Request: "GET /\nX-A: secret", Matches: true},
		{Predicate: `HeaderSHA256("X-A", "` + other + `", "` + secretHash + `")`, Request: "GET /\nX-A: no\nX-A: secret\nX-A: secret", Matches: true},
		{Predicate: `HeaderSHA256("X-A", "` + other + `")`, Request: "GET /\nX-A: secret"},
		{Predicate: `HeaderSHA256("X-A", "` + secretHash + `")`, Request: "GET /\nX-A: secret2"},
		{Predicate: `HeaderSHA256("X-A", "` + secretHash + `")`, Request: "GET /\nX-A:"},
		{Predicate: `HeaderSHA256("X-A", "` + secretHash + `")`, Request: "GET /"},
		{Predicate: `HeaderSHA256("X-A", "` + secretHash + `")`, Request: "GET /\nX-A: " + strings.Repeat("long", 1000)},
	})
}

func TestContentLengthBetween(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `ContentLengthBetween(0, 10)`, Request: "GET /", Matches: true},
		{Predicate: `ContentLengthBetween(1, 10)`, Request: "GET /"},
		{Predicate: `ContentLengthBetween(1, 10)`, Request: "GET /\n:length 1", Matches: true},
		{Predicate: `ContentLengthBetween(1, 10)`, Request: "GET /\n:length 9", Matches: true},
		{Predicate: `ContentLengthBetween(1, 10)`, Request: "GET /\n:length 10"},
		{Predicate: `ContentLengthBetween(0, 10)`, Request: "GET /\n:length unknown"},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Header("", "a")`:                `found the name ""`,
		`Header("a b", "c")`:             `found the name "a b", expected letters`,
		`HeaderRegexp("a:", "c")`:        `found the name "a:"`,
		`HeaderRegexp("a", "(")`:         "missing closing )",
		`Cookie("a=", "c")`:              `found the name "a="`,
		`Cookie("a")`:                    "found 1 argument, expected (name, expression)",
		`HeaderSHA256("a")`:              "found 1 argument, expected (name, hash...)",
		`HeaderSHA256("a", "hunter2")`:   "argument 2 (hash): expected the 64 hexadecimal digits of a SHA-256 hash, found 7 characters",
		`HeaderSHA256("", "hunter2")`:    `found the name ""`,
		`ContentLengthBetween(1)`:        "found 1 argument, expected (min, max)",
		`ContentLengthBetween(10, 10)`:   "found the bounds 10 and 10",
		`ContentLengthBetween(-1, 10)`:   "found -1, expected a number from 0",
		`ContentLengthBetween(1.5, 10)`:  "found 1.5, expected a whole number",
		`ContentLengthBetween("1", "2")`: `found the string "1", expected a whole number`,
	})
}

// What is not a hash may be a secret in the wrong place.
func TestHashIsNotQuoted(t *testing.T) {
	if _, err := predicatetest.Create(`HeaderSHA256("a", "hunter2")`); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got the error %v", err)
	}
}

func TestWeightKey(t *testing.T) {
	key := func(text string) string {
		return predicatetest.New(t, text).(predicate.WeightKeyed).WeightKey()
	}
	if key(`HeaderRegexp("X-A", "1")`) != key(`HeaderRegexp("x-a", "2")`) {
		t.Error("one field, two keys")
	}
	if key(`HeaderRegexp("X-A", "1")`) == key(`HeaderRegexp("X-B", "1")`) {
		t.Error("two fields, one key")
	}
}

func TestBaggage(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `OTelBaggage("a")`, Request: "GET /\nbaggage: b=1, a=2;p=q", Matches: true},
		{Predicate: `OTelBaggage("a")`, Request: "GET /\nbaggage: a=", Matches: true},
		{Predicate: `OTelBaggage("a")`, Request: "GET /\nbaggage: b=1;a=2"},
		{Predicate: `OTelBaggage("a")`, Request: "GET /"},
		{Predicate: `OTelBaggage("a", "2")`, Request: "GET /\nbaggage: b=1\nBaggage: a=2", Matches: true},
		{Predicate: `OTelBaggage("a", "x y")`, Request: "GET /\nbaggage: a=x%20y", Matches: true, Allocates: true},
		{Predicate: `OTelBaggage("a", "2")`, Request: "GET /\nbaggage: a=22"},
		{Predicate: `OTelBaggage("a", "")`, Request: "GET /\nbaggage: a=", Matches: true},
		{Predicate: `OTelBaggage("a", "")`, Request: "GET /\nbaggage: a=1"},
	})
	predicatetest.Rejects(t, map[string]string{
		`OTelBaggage()`:      "found 0 arguments, expected (key[, value])",
		`OTelBaggage("")`:    `argument 1 (key): found ""`,
		`OTelBaggage("a b")`: `argument 1 (key): found "a b"`,
	})
}
