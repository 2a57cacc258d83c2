package token

import (
	"encoding/base64"
	"strings"
	"testing"

	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

// bearer is a request with a token that claims these things.
func bearer(payload string) string {
	return "GET /\nAuthorization: Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestMatch(t *testing.T) {
	ab := bearer(`{"iss":"a","sub":"b","n":1,"deep":{"sub":"x"},"list":["a"]}`)
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `JWTPayloadAnyKV("iss", "a")`, Request: ab, Matches: true},
		{Predicate: `JWTPayloadAnyKV("iss", "x", "sub", "b")`, Request: ab, Matches: true},
		{Predicate: `JWTPayloadAnyKV("iss", "x", "iss", "a")`, Request: ab, Matches: true},
		{Predicate: `JWTPayloadAnyKV("iss", "x", "sub", "y")`, Request: ab},
		{Predicate: `JWTPayloadAnyKV("none", "")`, Request: ab},
		{Predicate: `JWTPayloadAnyKV("n", "1")`, Request: ab},
		{Predicate: `JWTPayloadAnyKV("list", "a")`, Request: ab},
		{Predicate: `JWTPayloadAllKV("iss", "a", "sub", "b")`, Request: ab, Matches: true},
		{Predicate: `JWTPayloadAllKV("iss", "a", "sub", "x")`, Request: ab},
		{Predicate: `JWTPayloadAllKV("iss", "a", "iss", "b")`, Request: ab},
		{Predicate: `JWTPayloadAllKV("iss", "a", "none", "")`, Request: ab},
		{Predicate: `JWTPayloadAnyKVRegexp("iss", "^x", "sub", "^B?b$")`, Request: ab, Matches: true, Allocates: true},
		{Predicate: `JWTPayloadAnyKVRegexp("iss", "^x")`, Request: ab, Allocates: true},
		{Predicate: `JWTPayloadAnyKVRegexp("none", ".*")`, Request: ab},
		{Predicate: `JWTPayloadAllKVRegexp("iss", "^a", "sub", /./)`, Request: ab, Matches: true, Allocates: true},
		{Predicate: `JWTPayloadAllKVRegexp("iss", "^a", "sub", "c")`, Request: ab, Allocates: true},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: strings.Replace(ab, "Bearer", "bearer", 1), Matches: true},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: strings.Replace(ab, "Bearer", "Basic", 1)},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: "GET /"},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: "GET /\nAuthorization: Bearer"},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: "GET /\nAuthorization: Bearer a.b.c", Allocates: true},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: bearer(`["iss","a"]`)},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: bearer(`{"iss":"a"`), Allocates: true},
		{Predicate: `JWTPayloadAllKV("iss", "a/b")`, Request: bearer(`{"iss":"a\/b"}`), Matches: true, Allocates: true},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: bearer(`{"iss":"a","x":"` + strings.Repeat("y", 5000) + `"}`), Matches: true, Allocates: true},
		{Predicate: `JWTPayloadAllKV("iss", "a")`, Request: bearer(`{"iss":"a","x":"` + strings.Repeat("y", 60000) + `"}`)},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`JWTPayloadAnyKV()`:                      "found 0 arguments",
		`JWTPayloadAllKV("a")`:                   "found 1 arguments, expected pairs of a claim and what it must be",
		`JWTPayloadAllKV("a", "b", "c")`:         "found 3 arguments, expected pairs",
		`JWTPayloadAllKV("a", 1)`:                "argument 2 (claim, value): found the number 1",
		`JWTPayloadAnyKV("", "b")`:               `argument 1 (claim, value): found "", expected the name of a claim`,
		`JWTPayloadAnyKVRegexp("a", "(")`:        "argument 2 (claim, expression): regular expression",
		`JWTPayloadAllKVRegexp("a", "b", "c",1)`: "argument 4 (claim, expression): found the number 1",
	})
}

func BenchmarkMatch(b *testing.B) {
	req := predicatetest.Request(b, bearer(`{"iss":"https://login.example.org","sub":"0123456789","email":"somebody@example.org","realm":"staff","exp":1767225600}`))
	for _, text := range []string{`JWTPayloadAnyKV("realm", "staff")`, `JWTPayloadAllKVRegexp("email", "@example[.]org$", "realm", "^s")`} {
		b.Run(text, func(b *testing.B) {
			p := predicatetest.New(b, text)
			b.ReportAllocs()
			for b.Loop() {
				p.Match(req)
			}
		})
	}
}
