package path

import (
	"testing"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestPath(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `Path("/")`, Request: "GET /", Matches: true},
		{Predicate: `Path("/")`, Request: "GET http://example.org", Matches: true},
		{Predicate: `Path("/")`, Request: "GET /a"},
		{Predicate: `Path("/a/b")`, Request: "GET /a/b?c", Matches: true},
		{Predicate: `Path("/a/b")`, Request: "GET /a/b/"},
		{Predicate: `Path("/a/b")`, Request: "GET /a"},
		{Predicate: `Path("/a/b")`, Request: "GET /A/b"},
		{Predicate: `Path("/a/b/")`, Request: "GET /a/b/", Matches: true},
		{Predicate: `Path("/a/b/")`, Request: "GET /a/b"},
		{Predicate: `Path("/a/b")`, Request: "GET //a/./c/../b", Matches: true, Allocates: true},
		{Predicate: `Path("/a b")`, Request: "GET /a%20b", Matches: true},
		{Predicate: `Path("a//b/../c")`, Request: "GET /a/c", Matches: true},
		{Predicate: `Path("/a/:x")`, Request: "GET /a/b", Matches: true},
		{Predicate: `Path("/a/:x")`, Request: "GET /a/"},
		{Predicate: `Path("/a/:x")`, Request: "GET /a"},
		{Predicate: `Path("/a/:x")`, Request: "GET /a/b/"},
		{Predicate: `Path("/a/:x/")`, Request: "GET /a/b/", Matches: true},
		{Predicate: `Path("/:x/b/:y")`, Request: "GET /a/b/c", Matches: true},
		{Predicate: `Path("/:x/b/:y")`, Request: "GET /a/c/c"},
		{Predicate: `Path("/a/*rest")`, Request: "GET /a/b", Matches: true},
		{Predicate: `Path("/a/*rest")`, Request: "GET /a/b/c/", Matches: true},
		{Predicate: `Path("/a/*rest")`, Request: "GET /a/"},
		{Predicate: `Path("/a/*rest")`, Request: "GET /a"},
		{Predicate: `Path("/**")`, Request: "GET /a", Matches: true},
		{Predicate: `Path("/**")`, Request: "GET /"},
		{Predicate: `Path("/a/*")`, Request: "GET /a/b/c", Matches: true},
	})
}

func TestPathSubtree(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `PathSubtree("/")`, Request: "GET /", Matches: true},
		{Predicate: `PathSubtree("/")`, Request: "GET /a/b", Matches: true},
		{Predicate: `PathSubtree("/a")`, Request: "GET /a", Matches: true},
		{Predicate: `PathSubtree("/a")`, Request: "GET /a/", Matches: true},
		{Predicate: `PathSubtree("/a")`, Request: "GET /a/b/c", Matches: true},
		{Predicate: `PathSubtree("/a")`, Request: "GET /ab"},
		{Predicate: `PathSubtree("/a")`, Request: "GET /"},
		{Predicate: `PathSubtree("/a/")`, Request: "GET /a", Matches: true},
		{Predicate: `PathSubtree("/a/*rest")`, Request: "GET /a", Matches: true},
		{Predicate: `PathSubtree("/a/*rest")`, Request: "GET /a/b", Matches: true},
		{Predicate: `PathSubtree("/*rest")`, Request: "GET /", Matches: true},
		{Predicate: `PathSubtree("/**")`, Request: "GET /a", Matches: true},
		{Predicate: `PathSubtree("/a/:x")`, Request: "GET /a"},
		{Predicate: `PathSubtree("/a/:x")`, Request: "GET /a/"},
		{Predicate: `PathSubtree("/a/:x")`, Request: "GET /a/b", Matches: true},
		{Predicate: `PathSubtree("/a/:x")`, Request: "GET /a/b/", Matches: true},
		{Predicate: `PathSubtree("/a/:x")`, Request: "GET /a/b/c", Matches: true},
		{Predicate: `PathSubtree("/a")`, Request: "GET /b/../a/c", Matches: true, Allocates: true},
	})
}

func TestPathRegexp(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `PathRegexp("^/a")`, Request: "GET /ab", Matches: true},
		{Predicate: `PathRegexp("b/c")`, Request: "GET /ab/cd", Matches: true},
		{Predicate: `PathRegexp("^b")`, Request: "GET /b"},
		{Predicate: `PathRegexp("^/a b$")`, Request: "GET /a%20b", Matches: true},
		{Predicate: `PathRegexp("^/a$")`, Request: "GET /x/..//a", Matches: true, Allocates: true},
		{Predicate: `PathRegexp("^/a/$")`, Request: "GET /a/", Matches: true},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Path("")`:                "the path is empty",
		`PathSubtree("")`:         "the path is empty",
		`Path("/a*b")`:            `'*' in the middle of the segment "a*b"`,
		`Path("/a/b:c")`:          `':' in the middle of the segment "b:c"`,
		`Path("/*a/b")`:           `the free wildcard "*a" must be last, use ":a"`,
		`PathSubtree("/*a/")`:     "must be last",
		`Path("/:")`:              "a wildcard without a name",
		`Path("/:a:b")`:           `':' in the name of the wildcard ":a:b"`,
		`Path("/a/***")`:          `'*' in the name of the wildcard "***"`,
		`PathRegexp("(")`:         "missing closing )",
		`PathSubtree("/a*b/**")`:  "in the middle of the segment",
		`PathSubtree("/**/**/a")`: "must be last",
	})
}

func TestTreePath(t *testing.T) {
	for _, c := range []struct {
		text, pattern string
		subtree       bool
	}{
		{`Path("/a/:x/*rest")`, "/a/:x/*rest", false},
		{`Path("a/../b/")`, "/b/", false},
		{`Path("/a/*")`, "/a/**", false},
		{`PathSubtree("/")`, "/", true},
		{`PathSubtree("/a/")`, "/a", true},
		{`PathSubtree("/a/*")`, "/a/**", true},
		{`PathSubtree("/*rest")`, "/*rest", true},
	} {
		pattern, subtree := predicatetest.New(t, c.text).(predicate.Tree).TreePath()
		if pattern != c.pattern || subtree != c.subtree {
			t.Errorf("%s: got %q, %v", c.text, pattern, subtree)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"/", "/a/:b/*c", "a//..", "/**", "/a*b", "/:"} {
		f.Add(s, "/a/b/c")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		pattern, err := parse(text)
		if err != nil {
			return
		}
		if again, err := parse(pattern); err != nil || again != pattern {
			t.Fatalf("%q is %q, which is %q, %v", text, pattern, again, err)
		}
		req := &message.Request{Path: path}
		if exactly(pattern).Match(req) && !newSubtree(pattern).Match(req) {
			t.Fatalf("%q matches Path(%q) and not its subtree", path, pattern)
		}
	})
}
