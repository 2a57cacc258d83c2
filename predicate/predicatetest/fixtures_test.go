package predicatetest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/predicate"
)

// TestFixtures constructs every predicate of the documents that the peer makes
// from Kubernetes objects.
func TestFixtures(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "peer-cases", "skipper-kubernetes")
	if _, err := os.Stat(root); err != nil {
		t.Skip("the cases of the peer are not beside the repository: ", err)
	}
	env, seen := &predicate.Env{}, map[string]int{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".eskip" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		// Some documents hold faults on purpose: what does parse is looked at.
		routes, _ := eskip.Parse(file, string(text))
		for _, r := range routes {
			for _, call := range r.Predicates {
				construct(t, env, file, &call)
				seen[call.Name]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen["Host"] < 100 || seen["PathSubtree"] < 10 {
		t.Errorf("the cases hold too few predicates to mean anything: %v", seen)
	}
}

func construct(t *testing.T, env *predicate.Env, file string, call *eskip.Call) {
	t.Helper()
	def := predicate.Lookup(call.Name)
	if def == nil || call.Name == "Traffic" && call.Args[0].Kind == eskip.StringArg {
		// Made up for the conversion, or of a later set; a chance in quotes is
		// wrong at the peer, too.
		return
	}
	v, err := arg.Check(def.Params, call.Args)
	if err == nil {
		_, err = def.New(v, env)
	}
	if err != nil {
		t.Errorf("%s:%d: %s: %v", file, call.Pos.Line, call.Name, err)
	}
}
