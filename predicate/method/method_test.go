package method

import (
	"testing"

	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestMatch(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `Method("GET")`, Request: "GET /", Matches: true},
		{Predicate: `Method("GET")`, Request: "HEAD /"},
		{Predicate: `Method("GET")`, Request: "get /"},
		{Predicate: `Method("get")`, Request: "GET /"},
		{Predicate: `Method("PURGE")`, Request: "PURGE /", Matches: true},
		{Predicate: `Methods("GET")`, Request: "GET /", Matches: true},
		{Predicate: `Methods("get", "Post")`, Request: "POST /", Matches: true},
		{Predicate: `Methods("GET", "POST", "GET")`, Request: "PUT /"},
		{Predicate: `Methods("GET")`, Request: "get /"},
		{Predicate: `Methods("CONNECT", "TRACE", "OPTIONS", "DELETE", "PATCH", "PUT", "HEAD")`, Request: "PATCH /", Matches: true},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Method("")`:              `found "", expected a method`,
		`Method("GET POST")`:      `found "GET POST"`,
		`Methods()`:               "found 0 arguments",
		`Methods("GET", "PSOT")`:  `unknown method "PSOT", did you mean "POST"?`,
		`Methods("PROPFIND")`:     `unknown method "PROPFIND", expected one of`,
		`Methods("GET,POST")`:     `unknown method "GET,POST"`,
		`Methods("GET", 1)`:       "argument 2 (method): found the number 1",
		`Methods("GET", "", "a")`: `unknown method ""`,
	})
}
