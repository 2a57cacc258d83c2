package eskip

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata/errors")

// A case file is a document, a separator, the faults one per line, a separator,
// the routes that are kept.
const (
	errorsSeparator = "\n-- errors --\n"
	keptSeparator   = "\n-- kept --\n"
)

func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			document, _, _ := strings.Cut(string(data), errorsSeparator)
			got := document + errorsSeparator + report(t, document)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(data), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// report is what a case file says about its document.
func report(t *testing.T, document string) string {
	t.Helper()
	routes, err := Parse("f", document)
	var b strings.Builder
	for _, e := range errorList(t, err) {
		b.WriteString(e.Error() + "\n")
	}
	return b.String() + keptSeparator[1:] + Print(routes...) + "\n"
}

// errorList returns the faults in err, which must be nil or an ErrorList.
func errorList(t testing.TB, err error) ErrorList {
	t.Helper()
	if err == nil {
		return nil
	}
	list, ok := err.(ErrorList)
	if !ok {
		t.Fatalf("got a %T, want an ErrorList", err)
	}
	return list
}
