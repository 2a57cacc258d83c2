package cli_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
	"fairlead.dev/fairlead/predicate"
)

var update = flag.Bool("update", false, "delete from pending.txt what is built, and write the reference pages")

// built says whether a name is declared, by the kinds of lines of pending.txt.
func built() map[string]func(name string) bool {
	flags := map[string]bool{}
	for _, o := range option.NewSet().All() {
		flags[o.Flag] = true
		for _, n := range o.Old {
			flags[n] = true
		}
	}
	return map[string]func(string) bool{
		"flag":      func(n string) bool { return flags[n] },
		"key":       func(n string) bool { return flags[n] },
		"filter":    func(n string) bool { return filter.Lookup(n) != nil },
		"predicate": func(n string) bool { return predicate.Lookup(n) != nil },
	}
}

// TestPending checks that nothing is both declared and pending.
func TestPending(t *testing.T) {
	if *update {
		deleteBuilt(t)
		return
	}
	b := built()
	var both []string
	for _, p := range pending.Flags() {
		if b["flag"](p.Name) {
			both = append(both, "flag "+p.Name)
		}
	}
	for _, n := range pending.Filters() {
		if b["filter"](n) {
			both = append(both, "filter "+n)
		}
	}
	for _, n := range pending.Predicates() {
		if b["predicate"](n) {
			both = append(both, "predicate "+n)
		}
	}
	if len(both) > 0 {
		t.Errorf("built, but still in pending/pending.txt (go test ./cli -run TestPending -update deletes them):\n%s", strings.Join(both, "\n"))
	}
}

// deleteBuilt rewrites pending.txt without the names that are declared.
func deleteBuilt(t *testing.T) {
	const name = "../pending/pending.txt"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b := built()
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || b[words[0]] == nil {
			out.WriteString(line)
			continue
		}
		names, rest := words[1:], []string(nil)
		if words[0] == "flag" || words[0] == "key" {
			names, rest = words[1:2], words[2:]
		}
		keep := []string{words[0]}
		for _, n := range names {
			if !b[words[0]](n) {
				keep = append(keep, n)
			}
		}
		if len(keep) > 1 {
			out.WriteString(strings.Join(append(keep, rest...), " ") + "\n")
		}
	}
	if err := os.WriteFile(name, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPeerFlags checks that every flag of the peer is known: declared or
// pending.
func TestPeerFlags(t *testing.T) {
	names := peerFlags(t)
	if len(names) != 283 {
		t.Fatalf("found %d flags in the specification, expected 283", len(names))
	}
	b := built()
	for _, n := range names {
		if p, ok := pending.LookupFlag(n); !b["flag"](n) && (!ok || p.KeyOnly) {
			t.Errorf("-%s is neither declared nor pending", n)
		}
	}
}

// peerFlags reads the names of spec 1.8.
func peerFlags(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash("../../shared/spec/skipper.md"))
	if err != nil {
		t.Skipf("the specification is not there: %v", err)
	}
	_, section, _ := strings.Cut(string(data), "### 1.8")
	section, _, _ = strings.Cut(section, "### 1.9")
	var names []string
	for _, m := range regexp.MustCompile("(?:[:·] |\n  |· \n  )`-([a-z0-9-]+)`").FindAllStringSubmatch(section, -1) {
		names = append(names, m[1])
	}
	return names
}
