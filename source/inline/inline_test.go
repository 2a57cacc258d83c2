package inline_test

import (
	"testing"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/source/inline"
	"fairlead.dev/fairlead/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns the sources for -inline-routes=text.
func open(t *testing.T, text string) []source.Source {
	t.Helper()
	options := option.NewSet()
	inline.Options.From(options).Routes = text
	all, err := source.All()[0].Open(&source.Env{Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSource(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T, text string) sourcetest.Subject {
		return sourcetest.Subject{Source: open(t, text)[0]}
	})
}

func TestNone(t *testing.T) {
	if all := open(t, " \n"); len(all) > 0 {
		t.Errorf("blank text gave %d sources", len(all))
	}
}

func TestLone(t *testing.T) {
	set, err := open(t, `* -> inlineContent("hello") -> <shunt>`)[0].Routes(t.Context())
	if err != nil || len(set.Routes) != 1 || set.Routes[0].ID != "" {
		t.Fatalf("got %v, %v", set, err)
	}
	if pos := set.Routes[0].Pos.String(); pos != "inline-routes:1:1" {
		t.Errorf("the place is %s", pos)
	}
}
