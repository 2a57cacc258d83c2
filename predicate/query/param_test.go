package query

import (
	"testing"

	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestQueryParam(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `QueryParam("q")`, Request: "GET /"},
		{Predicate: `QueryParam("q")`, Request: "GET /?"},
		{Predicate: `QueryParam("q")`, Request: "GET /?q", Matches: true},
		{Predicate: `QueryParam("q")`, Request: "GET /?b=a&q=", Matches: true},
		{Predicate: `QueryParam("q")`, Request: "GET /?Q=1&qq=1&a=q"},
		{Predicate: `QueryParam("a b")`, Request: "GET /?a+b=%20", Matches: true},
		{Predicate: `QueryParam("q")`, Request: "GET /?q=%zz"},
		{Predicate: `QueryParam("q")`, Request: "GET /?a;q=1"},
		{Predicate: `QueryParam("q", "^x$")`, Request: "GET /?q=x", Matches: true},
		{Predicate: `QueryParam("q", "^x$")`, Request: "GET /?q=y&q=x&q=z", Matches: true},
		{Predicate: `QueryParam("q", "^x$")`, Request: "GET /?q=y&p=x"},
		{Predicate: `QueryParam("q", "^$")`, Request: "GET /?q", Matches: true},
		{Predicate: `QueryParam("q", "^$")`, Request: "GET /"},
		{Predicate: `QueryParam("q", "^a b$")`, Request: "GET /?q=a%20b", Matches: true, Allocates: true},
		{Predicate: `QueryParam("q", "^a b$")`, Request: "GET /?q=a+b", Matches: true, Allocates: true},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`QueryParam()`:              "found 0 arguments, expected (name[, expression])",
		`QueryParam("a", "(")`:      "missing closing )",
		`QueryParam("a", "b", "c")`: "found 3 arguments",
	})
}
