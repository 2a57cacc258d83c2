package fairlead_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "fairlead.dev/fairlead/app" // the filters and predicates that documents use
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/route"
)

// TestRoutesInDocuments checks that every block of eskip parses and that its
// predicates and filters can be constructed; a block that is marked as broken
// must not.
func TestRoutesInDocuments(t *testing.T) {
	options := option.NewSet()
	env := filter.NewEnv(options, nil)
	env.Offline = true // options and files that documents name are not here
	defer func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}()
	compiler := &route.Compiler{
		FilterEnv:    env,
		PredicateEnv: &predicate.Env{Options: options},
		Endpoints:    new(backend.Set),
		Pending:      pending.Hint,
	}
	checked := 0
	for _, doc := range documents(t) {
		for _, b := range blocks(t, doc) {
			if b.lang != "eskip" {
				continue
			}
			checked++
			routes, err := eskip.ParseAt(eskip.Pos{File: doc, Line: int32(b.line) + 1, Col: 1}, b.text)
			var faults []error
			if err != nil {
				faults = append(faults, err)
			}
			for _, r := range routes {
				faults = append(faults, compiler.Check(r)...)
			}
			if b.broken && len(faults) == 0 {
				t.Errorf("%s:%d: the block is marked as broken, and nothing is wrong with it", doc, b.line)
			}
			for _, fault := range faults {
				if !b.broken {
					t.Error(fault)
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("found only %d blocks", checked)
	}
}

var (
	link = regexp.MustCompile(`\]\(([^)]+)\)`)
	// pathName finds what a document names as a file or folder of the project.
	pathName = regexp.MustCompile("`([a-z0-9_.]+(?:/[a-zA-Z0-9_.]+)+/?)`")
	target   = regexp.MustCompile("`make ([a-z-]+)")
)

// TestLinks checks that the files that documents link to exist, the paths that
// HOUSE.md names, and the targets of make.
func TestLinks(t *testing.T) {
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), to)); err != nil {
				t.Errorf("%s: links to %q: %v", doc, to, err)
			}
		}
		if doc == "HOUSE.md" {
			for _, m := range pathName.FindAllStringSubmatch(string(text), -1) {
				if _, err := os.Stat(m[1]); err != nil {
					t.Errorf("%s: names %q: %v", doc, m[1], err)
				}
			}
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(makeTargets(t), m[1]) {
				t.Errorf("%s: says `make %s`, and there is no such target", doc, m[1])
			}
		}
	}
}

// makeTargets are the targets of the Makefile and of what it includes.
func makeTargets(t *testing.T) (all []string) {
	t.Helper()
	text := makefile(t)
	for _, m := range regexp.MustCompile(`(?m)^include (\S+)$`).FindAllStringSubmatch(text, -1) {
		more, err := os.ReadFile(m[1])
		if err != nil {
			t.Fatal(err)
		}
		text += string(more)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestHouseFloors checks that HOUSE.md shows the floors as floors.txt has them.
func TestHouseFloors(t *testing.T) {
	text, err := os.ReadFile("floors.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, line := range strings.SplitAfter(string(text), "\n") {
		if w := strings.Fields(line); len(w) > 0 && w[0] != "#" && w[0] != "own" {
			want += line
		}
	}
	for _, b := range blocks(t, "HOUSE.md") {
		if b.heading == "Floors" {
			if b.text != want {
				t.Errorf("HOUSE.md:%d: shows the floors\n%sand floors.txt has\n%s", b.line, b.text, want)
			}
			return
		}
	}
	t.Error("HOUSE.md shows no floors")
}

// TestReasonsInPages checks that the pages of the engine and the proxy name
// every reason that the package gives, by its code.
func TestReasonsInPages(t *testing.T) {
	given := map[string]map[string]bool{"http1": {}, "http2": {}, "proxy": {}}
	for _, f := range allGo(t) {
		if given[f.dir] == nil || f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Reason") {
				given[f.dir][s.Sel.Name] = true
			}
			return true
		})
	}
	codes := reasonCodes(t)
	for dir, names := range given {
		page, err := os.ReadFile(filepath.Join(dir, "doc.go"))
		if err != nil {
			t.Fatal(err)
		}
		for name := range names {
			if code := codes[name]; code != "" && !strings.Contains(string(page), code) {
				t.Errorf("%s/doc.go: says nothing of %s, which the package gives", dir, code)
			}
		}
	}
}

// reasonCodes maps the names of reasons in the code to what users see.
func reasonCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	for _, r := range message.Reasons() {
		// ReasonBadHost is bad-host: only the case of abbreviations differs.
		codes[strings.ToLower("Reason"+strings.ReplaceAll(r.Code(), "-", ""))] = r.Code()
	}
	byName := map[string]string{}
	for _, f := range allGo(t) {
		if f.name != "message/reason.go" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok {
				for _, name := range v.Names {
					if code, ok := codes[strings.ToLower(name.Name)]; ok {
						byName[name.Name] = code
					}
				}
			}
			return true
		})
	}
	if len(byName) != len(codes) {
		t.Fatalf("found %d of %d reasons by their names", len(byName), len(codes))
	}
	return byName
}
