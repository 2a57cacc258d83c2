package eskip

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is one fault of a document, in the user's words: where, in which route,
// what was found, what was expected and, where one is possible, a suggestion.
type Error struct {
	Pos
	// RouteID is the id of the definition that the fault is in. Empty when the
	// definition has none, or when it cannot be told.
	RouteID string
	// Found and Expected complete the sentence "found ..., expected ...".
	Found, Expected string
	// Hint says what to do, "" when there is nothing to suggest.
	Hint string
}

// Error writes the fault on one line:
//
//	a.eskip:12:7: route "x": found "|", expected "->": filters are joined with "->"
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		b.WriteString(e.Pos.String())
		b.WriteString(": ")
	}
	if e.RouteID != "" {
		fmt.Fprintf(&b, "route %q: ", e.RouteID)
	}
	b.WriteString("found ")
	b.WriteString(e.Found)
	b.WriteString(", expected ")
	b.WriteString(e.Expected)
	if e.Hint != "" {
		b.WriteString(": ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// String writes the position as file:line:column, without the file when there
// is none. The zero Pos gives "".
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	s := strconv.Itoa(int(p.Line)) + ":" + strconv.Itoa(int(p.Col))
	if p.File == "" {
		return s
	}
	return p.File + ":" + s
}

// ErrorList is every fault of a document, sorted by position.
type ErrorList []*Error

// maxShown bounds how many faults ErrorList.Error writes.
const maxShown = 10

// Error writes the faults one per line. After ten it only counts them: range
// over the list to see all.
func (l ErrorList) Error() string {
	if len(l) == 0 {
		return "no errors"
	}
	var b strings.Builder
	for i, e := range l[:min(len(l), maxShown)] {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	if more := len(l) - maxShown; more > 0 {
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	return b.String()
}

// Unwrap returns the faults, for errors.As.
func (l ErrorList) Unwrap() []error {
	out := make([]error, len(l))
	for i, e := range l {
		out[i] = e
	}
	return out
}

// maxErrors bounds how many faults of one document are kept.
const maxErrors = 10_000

// faults collects the faults of one document.
type faults struct {
	list ErrorList
	// quiet is set while the parser skips to the next definition.
	quiet bool
	// all counts every fault, also those that are not kept.
	all int
}

func (f *faults) add(e Error) {
	if f.quiet {
		return
	}
	f.all++
	if len(f.list) < maxErrors {
		f.list = append(f.list, &e)
	}
}

// retract takes back the faults from the nth on that stand at or after a place.
func (f *faults) retract(nth int, at Pos) {
	keep := min(nth, len(f.list))
	for _, e := range f.list[keep:] {
		if comparePos(e.Pos, at) < 0 {
			f.list[keep] = e
			keep++
		}
	}
	f.all -= len(f.list) - keep
	f.list = f.list[:keep]
}

// err returns the faults as an error, or nil when there are none.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	slices.SortStableFunc(f.list, func(a, b *Error) int { return comparePos(a.Pos, b.Pos) })
	if last := f.list[len(f.list)-1]; len(f.list) == maxErrors && f.all > maxErrors {
		f.list = append(f.list, &Error{
			Pos:      last.Pos,
			Found:    fmt.Sprintf("%d more errors", f.all-maxErrors),
			Expected: "none",
			Hint:     "they are not listed, mend those before first",
		})
	}
	return f.list
}

func comparePos(a, b Pos) int {
	if a.Line != b.Line {
		return int(a.Line) - int(b.Line)
	}
	return int(a.Col) - int(b.Col)
}
