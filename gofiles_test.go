package fairlead_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// goFile is a parsed file of the module, tests included.
type goFile struct {
	name string // slash separated, from the root
	dir  string // "." for the root
	test bool
	fset *token.FileSet
	ast  *ast.File
}

// at says where a node is.
func (f goFile) at(p token.Pos) string {
	pos := f.fset.Position(p)
	return strings.TrimPrefix(pos.String(), "./")
}

// goFiles parses every Go file of the module, once for all tests.
var goFiles = sync.OnceValues(func() ([]goFile, error) {
	var all []goFile
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipDir(p, d.Name()) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(p)
		all = append(all, goFile{name, path.Dir(name), strings.HasSuffix(p, "_test.go"), fset, parsed})
		return nil
	})
	return all, err
})

// allGo returns every Go file of the module.
func allGo(t *testing.T) []goFile {
	t.Helper()
	all, err := goFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("found only %d Go files: the test looks in the wrong place", len(all))
	}
	return all
}

// imports reports whether the file imports a package.
func (f goFile) imports(name string) bool {
	for _, imp := range f.ast.Imports {
		if imp.Path.Value == `"`+name+`"` {
			return true
		}
	}
	return false
}
