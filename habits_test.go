package fairlead_test

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNoSleep checks that no test waits by sleeping: it would be slow when the
// machine is fast and wrong when it is slow. In the virtual time of synctest
// sleeping costs nothing and is how time passes.
func TestNoSleep(t *testing.T) {
	for _, f := range allGo(t) {
		if !f.test || f.imports("testing/synctest") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep in a test: wait for what happens, or use synctest", f.at(n.Pos()))
				}
			}
			return true
		})
	}
}

// TestNoInit checks that importing a package does nothing but declare.
func TestNoInit(t *testing.T) {
	for _, f := range allGo(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: an init function: declare with a variable, or do it where the program starts", f.at(fn.Pos()))
			}
		}
	}
}

// marks are words for work that was left.
var marks = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)

// TestNoMarks checks that what is declared works: what does not is in
// pending.txt or in an issue, and not in a comment.
func TestNoMarks(t *testing.T) {
	for _, f := range allGo(t) {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if m := marks.FindString(c.Text); m != "" {
					t.Errorf("%s: a comment says %s", f.at(c.Pos()), m)
				}
			}
		}
	}
}

// TestModule checks that the module builds for others as it builds here.
func TestModule(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`(?m)^\s*(replace|exclude)\b`).FindString(string(text)); m != "" {
		t.Errorf("go.mod: found %q, which counts for nobody who imports the module", strings.TrimSpace(m))
	}
}

// TestPackageNames checks the names of packages against the glossary: none is a
// word that we avoid.
func TestPackageNames(t *testing.T) {
	avoided := avoidedWords(t)
	seen := map[string]bool{}
	for _, f := range allGo(t) {
		name := strings.TrimSuffix(f.ast.Name.Name, "_test")
		if instead, ok := avoided[name]; ok && !seen[f.dir] {
			seen[f.dir] = true
			t.Errorf("package %s: %q is a word that WORDS.md avoids, it says %q", f.dir, name, instead)
		}
	}
}

// avoidedWords reads the last column of the glossary's tables: the word we
// avoid, and the one we use.
func avoidedWords(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("WORDS.md")
	if err != nil {
		t.Fatal(err)
	}
	avoided, used := map[string]string{}, []string{}
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 || strings.HasPrefix(line, "| Word ") || strings.Contains(line, "---") {
			continue
		}
		word := strings.Trim(cells[0], " *")
		used = append(used, word)
		for _, a := range strings.Split(cells[2], ",") {
			if a = strings.TrimSpace(a); a != "" {
				avoided[a] = word
			}
		}
	}
	if len(avoided) < 20 {
		t.Fatalf("WORDS.md: read only %d words to avoid", len(avoided))
	}
	for _, word := range used {
		if avoided[word] != "" {
			t.Errorf("WORDS.md: %q is both used and avoided", word)
		}
	}
	if !slices.IsSorted(used) {
		t.Errorf("WORDS.md: the words are not in alphabetical order: %v", used)
	}
	return avoided
}
