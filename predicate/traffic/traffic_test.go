package traffic

import (
	"testing"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestMatch(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `Traffic(1)`, Request: "GET /", Matches: true},
		{Predicate: `Traffic(0)`, Request: "GET /"},
		{Predicate: `Traffic(0, "c", "g")`, Request: "GET /\nCookie: c=g", Matches: true},
		{Predicate: `Traffic(1, "c", "g")`, Request: "GET /\nCookie: c=other"},
		{Predicate: `Traffic(1, "c", "g")`, Request: "GET /\nCookie: c="},
		{Predicate: `Traffic(1, "c", "g")`, Request: "GET /\nCookie: x=g", Matches: true},
		{Predicate: `Traffic(0, "c", "g")`, Request: "GET /"},
		{Predicate: `Traffic(0, "c", "")`, Request: "GET /\nCookie: c="},
		{Predicate: `TrafficSegment(0, 1)`, Request: "GET /", Matches: true},
		{Predicate: `TrafficSegment(0.5, 0.5)`, Request: "GET /"},
		{Predicate: `TrafficSegment(1, 1)`, Request: "GET /"},
	})
}

// share returns how often p matches requests, each of which is asked once.
func share(p predicate.Predicate) float64 {
	const draws = 20000
	n := 0
	for range draws {
		if p.Match(&message.Request{}) {
			n++
		}
	}
	return float64(n) / draws
}

func TestShare(t *testing.T) {
	for text, want := range map[string]float64{
		`Traffic(0.25)`:               0.25,
		`Traffic(0.25, "c", "g")`:     0.25,
		`TrafficSegment(0.25, 0.625)`: 0.375,
	} {
		// The deviation is 0.0035: this fails once in far more runs than there
		// will be.
		if got := share(predicatetest.New(t, text)); got < want-0.05 || got > want+0.05 {
			t.Errorf("%s: matches %v, want %v", text, got, want)
		}
	}
}

// Segments that adjoin leave no request out and take none twice, however often
// they are asked.
func TestSegmentsPartition(t *testing.T) {
	segments := []predicate.Predicate{
		predicatetest.New(t, `TrafficSegment(0, 0.3)`),
		predicatetest.New(t, `TrafficSegment(0.3, 0.7)`),
		predicatetest.New(t, `TrafficSegment(0.7, 1)`),
	}
	for range 1000 {
		req := &message.Request{}
		for range 2 {
			n := 0
			for _, s := range segments {
				if s.Match(req) {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("%v is in %d segments", req.Random(), n)
			}
		}
	}
}

func TestWeight(t *testing.T) {
	if w := predicatetest.New(t, `TrafficSegment(0, 1)`).(predicate.Weighted).Weight(); w != 0 {
		t.Errorf("TrafficSegment weighs %d", w)
	}
	if _, ok := predicatetest.New(t, `Traffic(1)`).(predicate.Weighted); ok {
		t.Error("Traffic does not count as one predicate")
	}
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Traffic()`:                "found 0 arguments, expected (chance[, cookie[, group]])",
		`Traffic(1.1)`:             "found 1.1, expected a number from 0 to 1",
		`Traffic(-0.1)`:            "found -0.1",
		`Traffic("0.5")`:           `found the string "0.5", expected a number`,
		`Traffic(0.5, "c")`:        "a cookie without a group",
		`TrafficSegment(0.5)`:      "found 1 argument, expected (min, max)",
		`TrafficSegment(0.5, 0.4)`: "found the bounds 0.5 and 0.4",
		`TrafficSegment(0, 2)`:     "argument 2 (max): found 2",
	})
}
