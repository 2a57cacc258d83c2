package fairlead_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "fairlead.dev/fairlead"

// house is what floors.txt says.
type house struct {
	floor  map[string]int      // pattern -> height
	owners map[string][]string // import prefix -> patterns that may use it
}

// TestFloors checks that every package imports only packages of floors below
// its own, and that a library is imported only by its owners.
func TestFloors(t *testing.T) {
	h := readFloors(t)
	seen := 0
	walkGo(t, func(dir, file string) {
		from, ok := h.height(dir)
		if !ok {
			t.Errorf("%s: package %q stands on no floor: add it to floors.txt", file, dir)
			return
		}
		seen++
		for _, imp := range imports(t, file) {
			h.check(t, file, dir, from, imp)
		}
	})
	if seen < 10 {
		t.Fatalf("read only %d files: the test looks in the wrong place", seen)
	}
}

func (h house) check(t *testing.T, file, dir string, from int, imp string) {
	t.Helper()
	if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
		to, known := h.height(rest)
		if !known {
			t.Errorf("%s: imports %q, which stands on no floor", file, imp)
		} else if to >= from {
			t.Errorf("%s: %q (floor %d) imports %q (floor %d): only lower floors may be imported", file, dir, from, rest, to)
		}
		return
	}
	for prefix, patterns := range h.owners {
		if strings.HasPrefix(imp, prefix) && !matchAny(patterns, dir) {
			t.Errorf("%s: imports %q, which belongs to %v", file, imp, patterns)
		}
	}
}

// height returns the floor of a package: a pattern that names it wins over one
// that covers its folder.
func (h house) height(dir string) (int, bool) {
	if n, ok := h.floor[dir]; ok {
		return n, true
	}
	for pattern, n := range h.floor {
		if matchPattern(pattern, dir) {
			return n, true
		}
	}
	return 0, false
}

func matchAny(patterns []string, dir string) bool {
	for _, p := range patterns {
		if matchPattern(p, dir) {
			return true
		}
	}
	return false
}

func matchPattern(pattern, dir string) bool {
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(dir, base+"/")
	}
	return pattern == dir
}

func readFloors(t *testing.T) house {
	t.Helper()
	f, err := os.Open("floors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := house{floor: map[string]int{}, owners: map[string][]string{}}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line, _, _ := strings.Cut(sc.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch n, err := strconv.Atoi(words[0]); {
		case words[0] == "own":
			h.owners[words[1]] = words[2:]
		case words[0] == "door":
			h.floor[words[1]] = 1 << 10
		case err == nil:
			for _, pattern := range words[2:] {
				h.floor[pattern] = n
			}
		default:
			t.Fatalf("floors.txt: cannot read %q", line)
		}
	}
	return h
}

// walkGo calls visit for every Go file of the module that is not a test.
func walkGo(t *testing.T, visit func(dir, file string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipDir(p, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		dir := path.Dir(filepath.ToSlash(p))
		if dir != "." && strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") {
			visit(dir, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// skipDir leaves out test data, hidden folders and folders with a module of
// their own.
func skipDir(p, name string) bool {
	if p == "." {
		return false
	}
	if name == "testdata" || strings.HasPrefix(name, ".") || name == "bin" {
		return true
	}
	_, err := os.Stat(filepath.Join(p, "go.mod"))
	return err == nil
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, imp := range f.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}
