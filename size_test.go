package fairlead_test

import (
	"go/ast"
	"testing"
)

// What fits a head: a file in one sitting, a function on a screen or so. House
// style asks for less (HOUSE.md); this is where it stops being a matter of
// taste.
const (
	mostFileLines     = 500
	mostFunctionLines = 80
)

// large lists what is larger, as file or file:function, and why. An entry that
// is not needed any more is an error.
var large = map[string]string{}

// TestSize checks the sizes of files and functions.
func TestSize(t *testing.T) {
	needed := map[string]bool{}
	for _, f := range allGo(t) {
		lines := f.fset.File(f.ast.Pos()).LineCount()
		if lines > mostFileLines {
			needed[f.name] = true
			if large[f.name] == "" {
				t.Errorf("%s: %d lines, at most %d fit a sitting", f.name, lines, mostFileLines)
			}
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if lines <= mostFunctionLines || f.test {
				continue // tables of cases are long and simple
			}
			name := f.name + ":" + fn.Name.Name
			needed[name] = true
			if large[name] == "" {
				t.Errorf("%s: %s has %d lines, at most %d fit a screen", f.at(fn.Pos()), fn.Name.Name, lines, mostFunctionLines)
			}
		}
	}
	for name, why := range large {
		if !needed[name] {
			t.Errorf("%s is not large any more (%s): take it from the list", name, why)
		}
	}
}
