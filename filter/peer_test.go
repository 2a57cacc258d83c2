package filter_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
)

// TestPeerCases builds every filter that the routes of the peer's own test cases
// use, as far as it is known here.
func TestPeerCases(t *testing.T) {
	const dir = "../../shared/peer-cases"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the peer's cases are not here: %v", err)
	}
	env := filter.NewEnv(nil, nil)
	env.Offline = true // the options that some of them need are not in the cases
	built, unknown := 0, map[string]int{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".eskip" {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		routes, err := eskip.Parse(p, string(text))
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		for _, r := range routes {
			for _, call := range r.Filters {
				if filter.Lookup(call.Name) == nil {
					unknown[call.Name]++
					continue
				}
				if _, err := filtertest.BuildCall(env, call); err != nil {
					t.Errorf("%s: route %q: %s: %v", p, r.ID, call.Name, err)
				}
				built++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if built == 0 {
		t.Error("no filter was built: the test looks in the wrong place")
	}
	t.Logf("built %d filters; not known yet: %v", built, unknown)
}
