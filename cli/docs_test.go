package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReferencePages checks that the committed pages are what the declarations
// say.
func TestReferencePages(t *testing.T) {
	committed := filepath.FromSlash("../docs/reference")
	folder := t.TempDir()
	if *update {
		folder = committed
	}
	if status, _, stderr, _ := call("fairlead", "docs", folder); status != 0 {
		t.Fatal(stderr)
	}
	for _, name := range []string{"options.md", "filters.md", "predicates.md"} {
		want, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(committed, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/reference/%s is not up to date, `make docs` or go test ./cli -update writes it: %s", name, diff)
		}
	}
}
