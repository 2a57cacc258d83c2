package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"fairlead.dev/fairlead/cli"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/predicate"
)

// TestExamples checks the example of every filter and predicate as a user
// would: what the reference pages show must pass `fairlead routes check`.
func TestExamples(t *testing.T) {
	check := func(kind, name, example string) {
		t.Run(kind+"/"+name, func(t *testing.T) {
			var out, errs bytes.Buffer
			status := cli.Main(cli.Process{
				Args: []string{"fairlead", "routes", "check", "-"}, Stdin: strings.NewReader(example),
				Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false },
			}, cli.Program{})
			if status != 0 {
				t.Errorf("%s\n%s", example, &errs)
			}
			if !strings.Contains(example, name+"(") {
				t.Errorf("the example does not use it: %s", example)
			}
		})
	}
	for _, d := range filter.All() {
		check("filter", d.Name, d.Example)
	}
	for _, d := range predicate.All() {
		check("predicate", d.Name, d.Example)
	}
	if len(filter.All()) < 10 || len(predicate.All()) < 10 {
		t.Errorf("only %d filters and %d predicates are linked", len(filter.All()), len(predicate.All()))
	}
}
