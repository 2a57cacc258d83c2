package fairlead_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestPackageComments checks that every package has one page that says what it
// is: in doc.go, or in the file that is named like the package. It begins as
// godoc expects it.
func TestPackageComments(t *testing.T) {
	pages := map[string][]goFile{}
	packages := map[string]string{}
	for _, f := range allGo(t) {
		if f.test {
			continue
		}
		packages[f.dir] = f.ast.Name.Name
		if f.ast.Doc != nil {
			pages[f.dir] = append(pages[f.dir], f)
		}
	}
	for dir, name := range packages {
		if len(pages[dir]) != 1 {
			t.Errorf("package %s: found %d package comments, expected one", dir, len(pages[dir]))
			continue
		}
		page := pages[dir][0]
		if base := path.Base(page.name); !slices.Contains([]string{"doc.go", name + ".go", "main.go"}, base) {
			t.Errorf("%s: has the package comment, expected it in doc.go or %s.go", page.name, name)
		}
		begin := "Package " + name + " "
		if name == "main" {
			begin = "Command " + path.Base(dir) + " "
		}
		if text := page.ast.Doc.Text(); !strings.HasPrefix(text, begin) {
			t.Errorf("%s: the package comment begins with %.30q, expected %q", page.name, text, begin)
		}
	}
}

// TestDocComments checks that every exported name has a comment. One comment
// may stand for a group of constants, variables or types; methods that a
// standard interface explains may go without.
func TestDocComments(t *testing.T) {
	for _, f := range allGo(t) {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				checkFuncComment(t, f, d)
			case *ast.GenDecl:
				checkGroupComment(t, f, d)
			}
		}
	}
}

// wellKnown are the methods whose interface says what they do.
var wellKnown = []string{"Error", "Unwrap", "String", "Close", "Len", "Less", "Swap", "UnmarshalText", "MarshalText", "MarshalJSON", "UnmarshalJSON"}

func checkFuncComment(t *testing.T, f goFile, d *ast.FuncDecl) {
	t.Helper()
	if !d.Name.IsExported() || d.Doc != nil {
		return
	}
	if d.Recv != nil && (!ast.IsExported(receiver(d)) || slices.Contains(wellKnown, d.Name.Name)) {
		return
	}
	t.Errorf("%s: %s has no comment", f.at(d.Pos()), d.Name.Name)
}

// receiver returns the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func checkGroupComment(t *testing.T, f goFile, d *ast.GenDecl) {
	t.Helper()
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
				t.Errorf("%s: type %s has no comment", f.at(s.Pos()), s.Name.Name)
			}
			checkMethodComments(t, f, s)
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					t.Errorf("%s: %s has no comment", f.at(n.Pos()), n.Name)
				}
			}
		}
	}
}

// checkMethodComments checks the methods of an exported interface: they are what
// others implement. An interface with one method may say it all in its own
// comment.
func checkMethodComments(t *testing.T, f goFile, s *ast.TypeSpec) {
	t.Helper()
	i, ok := s.Type.(*ast.InterfaceType)
	if !ok || !s.Name.IsExported() || len(i.Methods.List) < 2 {
		return
	}
	for _, m := range i.Methods.List {
		if len(m.Names) == 0 || slices.Contains(wellKnown, m.Names[0].Name) {
			continue
		}
		if m.Doc == nil && m.Comment == nil {
			t.Errorf("%s: %s.%s has no comment", f.at(m.Pos()), s.Name.Name, m.Names[0].Name)
		}
	}
}
