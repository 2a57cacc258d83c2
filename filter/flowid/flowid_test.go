package flowid

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter/filtertest"
)

func TestFlowID(t *testing.T) {
	plain, ulid := `^[0-9a-zA-Z+-]{16}$`, `^[0-7][0-9A-HJKMNP-TV-Z]{25}$`
	for _, tt := range []struct {
		name string
		args []any
		have string
		want string // expression
	}{
		{"new", nil, "", plain},
		{"replaced", nil, "abcdefgh12345678", plain},
		{"reuse none", []any{"reuse"}, "", plain},
		{"reuse", []any{"reuse"}, "abcdefgh-1234+XY", `^abcdefgh-1234\+XY$`},
		{"reuse whatever the case", []any{"REUSE"}, "abcdefgh", `^abcdefgh$`},
		{"reuse UUID", []any{"reuse"}, "0b5f5f3a-8f6e-4f3b-9d8e-0a1b2c3d4e5f", `^0b5f5f3a-8f6e-4f3b-9d8e-0a1b2c3d4e5f$`},
		{"too short", []any{"reuse"}, "abcdefg", plain},
		{"too long", []any{"reuse"}, strings.Repeat("a", 65), plain},
		{"odd letters", []any{"reuse"}, "abcdefgh_\"12", plain},
		{"length", []any{"", 64}, "", `^[0-9a-zA-Z+-]{64}$`},
		{"shortest", []any{"reuse", 8}, "", `^[0-9a-zA-Z+-]{8}$`},
		{"standard", []any{"", "standard"}, "", plain},
		{"ULID", []any{"", "ulid"}, "", ulid},
		{"ULID reused", []any{"reuse", "ulid"}, "01ARZ3NDEKTSV4RRFFQ69G5FAV", `^01ARZ3NDEKTSV4RRFFQ69G5FAV$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t)
			if tt.have != "" {
				x.Request.Header.Add("x-flow-id", tt.have)
			}
			x.Run(filtertest.Build(t, "flowId", tt.args...))
			got := filtertest.Fields(&x.Request.Header, "X-Flow-Id")
			if len(got) != 1 || !regexp.MustCompile(tt.want).MatchString(got[0]) {
				t.Errorf("got %q, want %s", got, tt.want)
			}
			if !strings.HasPrefix(tt.name, "reuse") && tt.have != "" && len(got) == 1 && got[0] == tt.have && !strings.Contains(tt.name, "reused") {
				t.Errorf("kept %q", tt.have)
			}
		})
	}
}

func TestIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	now := time.Now()
	for range 2000 {
		for _, id := range []string{newID(shortest), newID(usual), newID(longest), newULID(now)} {
			if seen[id] {
				t.Fatalf("%q came twice", id)
			}
			seen[id] = true
			if !usable(id) {
				t.Fatalf("%q cannot be reused", id)
			}
		}
	}
}

// Every place of an id takes every letter.
func TestIDsUseAllLetters(t *testing.T) {
	places := make([]map[byte]bool, longest)
	for range 2000 {
		id := newID(longest)
		for i := range places {
			if places[i] == nil {
				places[i] = map[byte]bool{}
			}
			places[i][id[i]] = true
		}
	}
	for i, letters := range places {
		if len(letters) != 64 {
			t.Errorf("place %d has %d letters", i, len(letters))
		}
	}
}

func TestULIDsSortByTime(t *testing.T) {
	at := time.UnixMilli(1469918176385)
	if got := newULID(at); !strings.HasPrefix(got, "01ARYZ6S41") { // the example of the ULID specification
		t.Errorf("got %q", got)
	}
	if a, b := newULID(at), newULID(at.Add(time.Millisecond)); a >= b {
		t.Errorf("%q is not before %q", a, b)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		args []any
	}{
		{`found "always", expected "reuse"`, []any{"always"}},
		{"found the length 7", []any{"", 7}},
		{"found the length 65", []any{"", 65}},
		{"found the length 16.5", []any{"", 16.5}},
		{`found the kind "uuid"`, []any{"reuse", "uuid"}},
		{"found 3 arguments", []any{"reuse", 16, 1}},
		{"found the number 1", []any{1}},
	} {
		if err := filtertest.BuildError(t, "flowId", tt.args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.args, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	x := filtertest.New(t)
	if n := x.Allocs(filtertest.Build(t, "flowId")); n > 1 {
		t.Errorf("a new id: %v allocations, want 1", n)
	}
	x.Request.Header.Add("X-Flow-Id", "abcdefgh12345678")
	if n := x.Allocs(filtertest.Build(t, "flowId", "reuse")); n != 0 {
		t.Errorf("reuse: %v allocations, want 0", n)
	}
}
