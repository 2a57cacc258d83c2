package option_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/option"
)

// values has one option of each type.
type values struct {
	Name    string            `flag:"t-name" old:"t-old-name" env:"T_NAME" doc:"a text"`
	On      bool              `flag:"t-on" doc:"a switch"`
	Count   int               `flag:"t-count" doc:"a number"`
	Small   uint8             `flag:"t-small" doc:"a small number"`
	Factor  float64           `flag:"t-factor" doc:"a factor"`
	Wait    time.Duration     `flag:"t-wait" doc:"a time"`
	List    []string          `flag:"t-list" doc:"a list"`
	Numbers []float64         `flag:"t-numbers" doc:"a list of numbers"`
	Each    []string          `flag:"t-each" repeat:"true" doc:"a list that grows"`
	Pairs   map[string]string `flag:"t-pairs" doc:"pairs"`
	Limits  map[string]int    `flag:"t-limits" repeat:"true" doc:"pairs that grow"`
	Expr    *regexp.Regexp    `flag:"t-expr" doc:"an expression"`
	Exprs   []*regexp.Regexp  `flag:"t-exprs" repeat:"true" doc:"expressions"`
	Nets    []netip.Prefix    `flag:"t-nets" type:"network" doc:"networks"`
	Color   string            `flag:"t-color" oneof:"red,green" doc:"a color"`
	Secret  string            `flag:"t-secret" secret:"true" doc:"a secret"`
	Pin     int               `flag:"t-pin" secret:"true" doc:"a secret number"`
	Past    int               `flag:"t-past" deprecated:"use t-count" doc:"a former number"`
}

var tested = option.Define("tested", values{
	Name: "fred", Count: 7, Wait: time.Minute, List: []string{"x", "y"}, Each: []string{"z"},
	Pairs: map[string]string{"b": "2", "a": "1"}, Color: "red", Secret: "hunter1", Expr: regexp.MustCompile("^a"),
})

// TestValues gives each value by flag, environment and YAML.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		env   string // NAME=value
		yaml  string
		get   func(*values) any
		want  any
	}{
		{"text", []string{"-t-name", "a b"}, "FAIRLEAD_T_NAME=a b", "t-name: a b", func(v *values) any { return v.Name }, "a b"},
		{"text with equals", []string{"--t-name=a=b"}, "FAIRLEAD_T_NAME=a=b", "t-name: a=b", func(v *values) any { return v.Name }, "a=b"},
		{"old spelling", []string{"-t-old-name=a"}, "T_NAME=a", "t-old-name: a", func(v *values) any { return v.Name }, "a"},
		{"value like a flag", []string{"-t-name", "-t-on"}, "FAIRLEAD_T_NAME=-t-on", "t-name: -t-on", func(v *values) any { return v.Name }, "-t-on"},
		{"bool", []string{"-t-on"}, "FAIRLEAD_T_ON=true", "t-on: true", func(v *values) any { return v.On }, true},
		{"bool as 1", []string{"--t-on=1"}, "FAIRLEAD_T_ON=1", "t-on: 1", func(v *values) any { return v.On }, true},
		{"bool as yes", []string{"-t-on=T"}, "FAIRLEAD_T_ON=t", "t-on: Yes", func(v *values) any { return v.On }, true},
		{"bool as off", []string{"-t-on=false"}, "FAIRLEAD_T_ON=F", "t-on: off", func(v *values) any { return v.On }, false},
		{"int", []string{"-t-count", "-3"}, "FAIRLEAD_T_COUNT=-3", "t-count: -3", func(v *values) any { return v.Count }, -3},
		{"hex int", []string{"-t-count=0x10"}, "FAIRLEAD_T_COUNT=0x10", "t-count: 0x10", func(v *values) any { return v.Count }, 16},
		{"uint", []string{"-t-small=255"}, "FAIRLEAD_T_SMALL=255", "t-small: '255'", func(v *values) any { return v.Small }, uint8(255)},
		{"float", []string{"-t-factor=.5"}, "FAIRLEAD_T_FACTOR=.5", "t-factor: .5", func(v *values) any { return v.Factor }, .5},
		{"duration", []string{"-t-wait=1m30s"}, "FAIRLEAD_T_WAIT=1m30s", "t-wait: 1m30s", func(v *values) any { return v.Wait }, 90 * time.Second},
		{"list", []string{"-t-list=a, b,,c"}, "FAIRLEAD_T_LIST=a,b,c", "t-list: [a, b, c]", func(v *values) any { return v.List }, []string{"a", "b", "c"}},
		{"list as text", []string{"-t-list=a"}, "FAIRLEAD_T_LIST=a", "t-list: a", func(v *values) any { return v.List }, []string{"a"}},
		{"list twice", []string{"-t-list=a", "-t-list=b"}, "FAIRLEAD_T_LIST=b", "t-list: [b]", func(v *values) any { return v.List }, []string{"b"}},
		{"numbers", []string{"-t-numbers=.01,1,300"}, "FAIRLEAD_T_NUMBERS=.01,1,300", "t-numbers: [.01, 1, 300]", func(v *values) any { return v.Numbers }, []float64{.01, 1, 300}},
		{"repeat", []string{"-t-each=a,b", "-t-each", "c"}, "FAIRLEAD_T_EACH=a,b\nc\n", "t-each:\n- a,b\n- c", func(v *values) any { return v.Each }, []string{"a,b", "c"}},
		{"repeat as text", []string{"-t-each=a,b"}, "FAIRLEAD_T_EACH=a,b", "t-each: a,b", func(v *values) any { return v.Each }, []string{"a,b"}},
		{"repeat as map", []string{"-t-each=a=1,b=2"}, "FAIRLEAD_T_EACH=a=1,b=2", "t-each: {a: 1, b: 2}", func(v *values) any { return v.Each }, []string{"a=1,b=2"}},
		{"pairs", []string{"-t-pairs=k=v,l=w=x"}, "FAIRLEAD_T_PAIRS=k=v, l=w=x", "t-pairs: {k: v, l: w=x}", func(v *values) any { return v.Pairs }, map[string]string{"k": "v", "l": "w=x"}},
		{"pairs as list", []string{"-t-pairs=k=v"}, "FAIRLEAD_T_PAIRS=k=v", "t-pairs: [k=v]", func(v *values) any { return v.Pairs }, map[string]string{"k": "v"}},
		{"growing pairs", []string{"-t-limits=a=1", "-t-limits=b=2"}, "FAIRLEAD_T_LIMITS=a=1\nb=2", "t-limits: {a: 1, b: 2}", func(v *values) any { return v.Limits }, map[string]int{"a": 1, "b": 2}},
		{"expression", []string{"-t-expr=a,b"}, "FAIRLEAD_T_EXPR=a,b", "t-expr: a,b", func(v *values) any { return v.Expr.String() }, "a,b"},
		{"expressions", []string{"-t-exprs=^a{1,2}", "-t-exprs=b"}, "FAIRLEAD_T_EXPRS=^a{1,2}\nb", "t-exprs: ['^a{1,2}', b]", func(v *values) any { return v.Exprs[0].String() + " " + v.Exprs[1].String() }, "^a{1,2} b"},
		{"networks", []string{"-t-nets=10.0.0.0/8,::/0"}, "FAIRLEAD_T_NETS=10.0.0.0/8,::/0", "t-nets: [10.0.0.0/8, '::/0']", func(v *values) any { return v.Nets[1].String() }, "::/0"},
		{"one of", []string{"-t-color=green"}, "FAIRLEAD_T_COLOR=green", "t-color: green", func(v *values) any { return v.Color }, "green"},
		{"alias", []string{"-t-list=a"}, "FAIRLEAD_T_LIST=a", "t-each: &x [a]\nt-list: *x", func(v *values) any { return v.List }, []string{"a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(source string, s *option.Set, err error) {
				t.Helper()
				if err != nil {
					t.Errorf("%s: %v", source, err)
				} else if diff := cmp.Diff(c.want, c.get(tested.From(s))); diff != "" {
					t.Errorf("%s: %s", source, diff)
				}
			}
			s := option.NewSet()
			rest, _, err := s.ApplyFlags(append(c.flags, "rest"))
			check("flags", s, err)
			if diff := cmp.Diff([]string{"rest"}, rest); diff != "" {
				t.Error(diff)
			}
			s = option.NewSet()
			_, err = s.ApplyEnv(func(name string) (string, bool) {
				n, v, _ := strings.Cut(c.env, "=")
				return v, n == name
			})
			check("environment", s, err)
			s = option.NewSet()
			_, err = s.ApplyYAML("a.yaml", []byte(c.yaml))
			check("yaml", s, err)
		})
	}
}

func TestDefaultsStayUntouched(t *testing.T) {
	s := option.NewSet()
	if _, _, err := s.ApplyFlags([]string{"-t-list=q", "-t-each=q", "-t-pairs=q=q", "-t-limits=q=1", "-t-name=q"}); err != nil {
		t.Fatal(err)
	}
	fresh := tested.From(option.NewSet())
	if diff := cmp.Diff([]any{[]string{"x", "y"}, []string{"z"}, map[string]string{"a": "1", "b": "2"}, "fred"}, []any{fresh.List, fresh.Each, fresh.Pairs, fresh.Name}); diff != "" {
		t.Error(diff)
	}
	if fresh.Limits != nil {
		t.Errorf("limits %v", fresh.Limits)
	}
	if got := tested.From(nil).Name; got != "fred" {
		t.Errorf("nil set: %q", got)
	}
}

func TestLoadPrecedence(t *testing.T) {
	file := func(name string) ([]byte, error) {
		if name != "x.yaml" {
			t.Errorf("read %q", name)
		}
		return []byte("t-name: file\nt-count: 1\nt-factor: 1\nt-each: [file]\n"), nil
	}
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"FAIRLEAD_T_COUNT": "2", "FAIRLEAD_T_FACTOR": "2", "FAIRLEAD_T_ON": ""}[name]
		return v, ok
	}
	l, err := option.Load([]string{"-config-file=x.yaml", "-t-factor=3", "-t-each=a", "-t-each=b", "rest", "-t-on"}, env, file)
	if err != nil {
		t.Fatal(err)
	}
	v := tested.From(l.Set)
	got := []any{v.Name, v.Count, v.Factor, v.Wait, v.Each, l.Rest}
	if diff := cmp.Diff([]any{"file", 2, 3., time.Minute, []string{"a", "b"}, []string{"rest", "-t-on"}}, got); diff != "" {
		t.Error(diff)
	}
	from := map[string]string{}
	for _, i := range l.Set.All() {
		from[i.Flag] = i.From
	}
	want := map[string]string{"t-name": `x.yaml:1:1: key "t-name"`, "t-count": "environment FAIRLEAD_T_COUNT", "t-factor": "flag -t-factor", "t-wait": ""}
	for flag, where := range want {
		if from[flag] != where {
			t.Errorf("%s comes from %q, want %q", flag, from[flag], where)
		}
	}
}

func TestLoadConfigFileFromEnv(t *testing.T) {
	env := func(name string) (string, bool) { return "e.yaml", name == "FAIRLEAD_CONFIG_FILE" }
	l, err := option.Load(nil, env, func(name string) ([]byte, error) { return []byte("t-name: " + name), nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := tested.From(l.Set).Name; got != "e.yaml" {
		t.Errorf("got %q", got)
	}
}

func TestLoadReportsAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent.yaml")
	env := func(name string) (string, bool) { return "x", name == "FAIRLEAD_T_COUNT" }
	_, err := option.Load([]string{"-config-file", path, "-t-wait=x", "-t-nme=y", "-t-on=maybe"}, env, os.ReadFile)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"absent.yaml", "environment FAIRLEAD_T_COUNT", "flag -t-wait", "did you mean -t-name?", `flag -t-on: found "maybe", expected true or false`} {
		if n := strings.Count(err.Error(), want); n != 1 {
			t.Errorf("%d times %q in: %v", n, want, err)
		}
	}
}

func TestDefinePanics(t *testing.T) {
	for _, c := range []struct {
		name   string
		define func()
		want   string
	}{
		{"no flag", func() { option.Define("p", struct{ A int }{}) }, "no name for a flag"},
		{"bad flag", func() {
			option.Define("p", struct {
				A int `flag:"Bad" doc:"x"`
			}{})
		}, "no name for a flag"},
		{"no doc", func() {
			option.Define("p", struct {
				A int `flag:"p-a"`
			}{})
		}, "no doc"},
		{"twice", func() {
			option.Define("p", struct {
				A int `flag:"t-name" doc:"x"`
			}{})
		}, `declared by option groups "tested" and "p"`},
		{"unknown type", func() {
			option.Define("p", struct {
				A chan int `flag:"p-a" doc:"x"`
			}{})
		}, "none that options know"},
		{"repeat of one", func() {
			option.Define("p", struct {
				A int `flag:"p-a" repeat:"true" doc:"x"`
			}{})
		}, "repeat"},
		{"unexported", func() {
			option.Define("p", struct {
				a int `flag:"p-a" doc:"x"`
			}{})
		}, "not exported"},
		{"no struct", func() { option.Define("p", 1) }, "not a struct"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, c.want) {
					t.Errorf("panic %q, want %q in it", got, c.want)
				}
			}()
			c.define()
			t.Error("no panic")
		})
	}
}

func TestAllShowsNoSecret(t *testing.T) {
	s := option.NewSet()
	if _, _, err := s.ApplyFlags([]string{"-t-secret=hunter2"}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range s.All() {
		names = append(names, i.Flag)
		if i.Flag == "t-secret" && (i.Value != "(secret)" || i.Default != "(secret)") {
			t.Errorf("value %q, default %q", i.Value, i.Default)
		}
		if i.Flag == "t-pairs" && (i.Default != "a=1,b=2" || i.Type != "name=value with text" || i.Env[0] != "FAIRLEAD_T_PAIRS") {
			t.Errorf("got %+v", i)
		}
		if i.Flag == "t-expr" && i.Default != "^a" {
			t.Errorf("got %+v", i)
		}
	}
	if !strings.HasPrefix(strings.Join(names, " "), "config-file t-color t-count") {
		t.Errorf("not sorted: %q", names)
	}
}
