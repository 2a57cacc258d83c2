package pending

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed pending.txt
var text string

// Kind says how the value of a pending flag is written.
type Kind string

// The kinds of flags.
const (
	Bool     Kind = "bool"
	Int      Kind = "int"
	Number   Kind = "number"
	Duration Kind = "duration"
	Text     Kind = "text"
	YAML     Kind = "yaml" // anything, also a list or a map in the YAML file
)

// Flag is a flag, or a key of the YAML file, that is accepted and does nothing.
type Flag struct {
	Name    string
	Kind    Kind
	Default string // "" for none
	// Missing says what is not there, such as "tracing is missing".
	Missing string
	// Never is set when it will not come: Missing says why it is not needed.
	Never bool
	// KeyOnly is set for keys of the YAML file that are no flags.
	KeyOnly bool
	// Secret values are not shown.
	Secret bool
	// Guard is set for flags that ask for protection: to start without it would
	// serve what somebody wanted guarded.
	Guard bool
}

// LookupFlag returns the pending flag or YAML key called name.
func LookupFlag(name string) (Flag, bool) {
	f, ok := read().flags[name]
	return f, ok
}

// Flags returns all pending flags and keys, sorted by name.
func Flags() []Flag {
	l := read()
	flags := make([]Flag, 0, len(l.flags))
	for _, name := range slices.Sorted(maps.Keys(l.flags)) {
		flags = append(flags, l.flags[name])
	}
	return flags
}

// Filter says what is missing for the pending filter called name, such as
// "the response cache is missing"; ok is false when it is not pending.
func Filter(name string) (missing string, ok bool) {
	missing, ok = read().filters[name]
	return missing, ok
}

// Predicate does for predicates what Filter does for filters.
func Predicate(name string) (missing string, ok bool) {
	missing, ok = read().predicates[name]
	return missing, ok
}

// Hint says of a filter or predicate (kind) that is not known that it is
// pending, as the end of the sentence `filter "cache": ...`; "" when it is not.
func Hint(kind, name string) string {
	names := read().filters
	if kind == "predicate" {
		names = read().predicates
	}
	missing, ok := names[name]
	if !ok {
		return ""
	}
	return "known, but not built yet: " + missing
}

// Filters returns the names of all pending filters, sorted.
func Filters() []string { return slices.Sorted(maps.Keys(read().filters)) }

// Predicates returns the names of all pending predicates, sorted.
func Predicates() []string { return slices.Sorted(maps.Keys(read().predicates)) }

// Check reports whether value is written as the flag's kind wants it; the error
// says what was expected.
func (f Flag) Check(value string) error {
	switch f.Kind {
	case Bool:
		if _, err := strconv.ParseBool(value); err != nil {
			return fmt.Errorf("expected true or false")
		}
	case Int:
		if _, err := strconv.ParseInt(value, 0, 64); err != nil {
			return fmt.Errorf("expected a whole number")
		}
	case Number:
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return fmt.Errorf("expected a number")
		}
	case Duration:
		if _, err := time.ParseDuration(value); err != nil {
			return fmt.Errorf("expected a duration such as 500ms, 10s or 1m30s")
		}
	}
	return nil
}

// list is what pending.txt says.
type list struct {
	flags               map[string]Flag
	filters, predicates map[string]string // name -> what is missing
}

var read = sync.OnceValue(func() list {
	l, err := parse(text)
	if err != nil {
		panic(err) // a mistake in the embedded file: TestParse finds it first
	}
	return l
})

func parse(text string) (list, error) {
	l := list{flags: map[string]Flag{}, filters: map[string]string{}, predicates: map[string]string{}}
	area := Flag{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if len(words) < 2 {
			return list{}, fmt.Errorf("pending.txt:%d: %q stands alone", n, words[0])
		}
		var err error
		switch words[0] {
		case "area", "gone":
			area = Flag{Missing: strings.Join(words[2:], " "), Never: words[0] == "gone"}
		case "flag", "key":
			err = l.addFlag(area, words)
		case "filter":
			err = addNames(l.filters, area.Missing, words[1:])
		case "predicate":
			err = addNames(l.predicates, area.Missing, words[1:])
		default:
			err = fmt.Errorf("%q is none of area, gone, flag, key, filter, predicate", words[0])
		}
		if err != nil {
			return list{}, fmt.Errorf("pending.txt:%d: %w", n, err)
		}
	}
	return l, nil
}

func (l list) addFlag(f Flag, words []string) error {
	if len(words) < 4 {
		return fmt.Errorf("a flag needs a name, a kind and a default")
	}
	if f.Missing == "" {
		return fmt.Errorf("no area says what is missing")
	}
	f.Name, f.Kind, f.Default, f.KeyOnly = words[1], Kind(words[2]), words[3], words[0] == "key"
	if !slices.Contains([]Kind{Bool, Int, Number, Duration, Text, YAML}, f.Kind) {
		return fmt.Errorf("kind %q is unknown", f.Kind)
	}
	if f.Default == "-" {
		f.Default = ""
	} else if err := f.Check(f.Default); err != nil {
		return fmt.Errorf("default %q: %w", f.Default, err)
	}
	for _, w := range words[4:] {
		switch w {
		case "secret":
			f.Secret = true
		case "guard":
			f.Guard = true
		default:
			return fmt.Errorf("%q is neither secret nor guard", w)
		}
	}
	if _, twice := l.flags[f.Name]; twice {
		return fmt.Errorf("%q stands here twice", f.Name)
	}
	l.flags[f.Name] = f
	return nil
}

func addNames(names map[string]string, missing string, words []string) error {
	if missing == "" {
		return fmt.Errorf("no area says what is missing")
	}
	for _, w := range words {
		if _, twice := names[w]; twice {
			return fmt.Errorf("%q stands here twice", w)
		}
		names[w] = missing
	}
	return nil
}
