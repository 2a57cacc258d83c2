package option_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/option"
)

func TestFlagErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"-t-count=x", `flag -t-count: found "x", expected a whole number`},
		{"-t-count=1.5", `flag -t-count: found "1.5", expected a whole number`},
		{"-t-count=99999999999999999999", `found "99999999999999999999", expected a whole number`},
		{"-t-count=", `flag -t-count: found "", expected a whole number`},
		{"-t-count", `flag -t-count: no value, expected a whole number`},
		{"-t-small=256", `found "256", expected a whole number that is not negative`},
		{"-t-factor=NaN", `found "NaN", expected a number`},
		{"-t-wait=10", `found "10", expected a duration such as 500ms, 10s or 1m30s: the unit is missing, did you mean "10s"?`},
		{"-t-wait=soon", `found "soon", expected a duration`},
		{"-t-numbers=1,x", `flag -t-numbers: found "x", expected a number`},
		{"-t-pairs=a", `flag -t-pairs: found "a", expected name=value`},
		{"-t-limits=a=b", `found "a=b", expected a whole number`},
		{"-t-expr=(", `found "(", expected a regexp: error parsing regexp: missing closing )`},
		{"-t-nets=10.0.0.0", `found "10.0.0.0", expected a network: `},
		{"-t-color=gren", `found "gren", expected one of "red", "green", did you mean "green"?`},
		{"-t-secret", `flag -t-secret: no value, expected text`},
		{"-t-pin=hunter2", `flag -t-pin: found a value (not shown: it is a secret), expected a whole number`},
		{"-t-nam=x", `flag -t-nam: unknown, did you mean -t-name?`},
		{"--kubernets", `flag -kubernets: unknown, did you mean -kubernetes?`},
		{"-zzzzzzzzzzzz", "flag -zzzzzzzzzzzz: unknown, `fairlead options` lists all"},
		{"-swarm-redis-password=hunter2", `flag -swarm-redis-password: unknown`},
		{"-kubernetes=yes", `flag -kubernetes: found "yes", expected true or false`},
		{"-swarm-port=x", `flag -swarm-port: found "x", expected a whole number`},
		{"-enable-open-policy-agent", `asks for protection that is not there yet`},
	} {
		t.Run(c.in, func(t *testing.T) {
			_, _, err := option.NewSet().ApplyFlags([]string{c.in})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

func TestFlagsGoOnAfterAMistake(t *testing.T) {
	s := option.NewSet()
	rest, _, err := s.ApplyFlags([]string{"-nonsense", "value", "-t-count=3", "-t-wait=x", "--", "-t-count=4"})
	if err == nil || !strings.Contains(err.Error(), "nonsense") || !strings.Contains(err.Error(), "t-wait") {
		t.Errorf("got %v", err)
	}
	if got := tested.From(s).Count; got != 3 {
		t.Errorf("count %d", got)
	}
	if diff := cmp.Diff([]string{"-t-count=4"}, rest); diff != "" {
		t.Error(diff)
	}
}

func TestHelp(t *testing.T) {
	for _, arg := range []string{"-h", "--help", "-help"} {
		if _, _, err := option.NewSet().ApplyFlags([]string{arg}); !errors.Is(err, option.ErrHelp) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestYAMLErrors(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"type", "t-name: x\nt-count: y\n", `a.yaml:2:1: key "t-count": found "y", expected a whole number`},
		{"element", "t-numbers:\n- 1\n- x\n", `a.yaml:3:3: key "t-numbers": found "x", expected a number`},
		{"entry", "t-limits:\n  a: 1\n  b: x\n", `a.yaml:3:3: key "t-limits": found "b=x", expected a whole number`},
		{"list for one", "t-count: [1]", `a.yaml:1:1: key "t-count": found a list, expected a whole number`},
		{"map for one", "t-count: {a: 1}", `found a map, expected a whole number`},
		{"map for list", "t-list: {a: 1}", `found a map, expected a list of text`},
		{"nested list", "t-list: [[a]]", `found a list, expected a list of text`},
		{"secret", "t-pin: hunter2", `a.yaml:1:1: key "t-pin": found a value (not shown`},
		{"twice", "t-name: a\nt-name: b", `a.yaml:2:1: key "t-name": stands in line 1 already`},
		{"syntax", "t-name: a\nb: [", `a.yaml:2: not YAML`},
		{"tab", "t-name:\n\t- a", `not YAML`},
		{"list document", "- a", `a.yaml:1:1: found a list, expected option names`},
		{"text document", "hello", `a.yaml:1:1: found "hello", expected option names`},
		{"two documents", "t-name: a\n---\nt-name: b\n", `found a second document, expected one`},
		{"key", "? [a]\n: b", `found a list as a key`},
		{"pending list", "kubernetes: [a]", `a.yaml:1:1: key "kubernetes": found a list, expected a bool`},
		{"pending value", "swarm-port: x", `key "swarm-port": found "x", expected a whole number`},
		{"guard", "enable-open-policy-agent: true", `key "enable-open-policy-agent": asks for protection`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := option.NewSet().ApplyYAML("a.yaml", []byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	warn := func(where, name, text string) option.Warning {
		return option.Warning{Where: where, Option: name, Text: text}
	}
	const k8s = "accepted, has no effect yet: routes from Kubernetes are missing"
	for _, c := range []struct {
		name, yaml string
		flags      []string
		want       []option.Warning
	}{
		{name: "pending flags", flags: []string{"-kubernetes", "-kubernetes-namespace", "x", "-lb-healthcheck-interval=3s"}, want: []option.Warning{
			warn("flag -kubernetes", "kubernetes", k8s),
			warn("flag -kubernetes-namespace", "kubernetes-namespace", k8s),
			warn("flag -lb-healthcheck-interval", "lb-healthcheck-interval", "accepted, has no effect: Skipper does not act on it either"),
		}},
		{name: "guard with its default", flags: []string{"-enable-open-policy-agent=false"}, want: []option.Warning{
			warn("flag -enable-open-policy-agent", "enable-open-policy-agent", "accepted, has no effect yet: Open Policy Agent is missing"),
		}},
		{name: "deprecated", flags: []string{"-t-past=1"}, want: []option.Warning{warn("flag -t-past", "t-past", "is deprecated: use t-count")}},
		{name: "unknown key", yaml: "\nt-cuont: 1\n", want: []option.Warning{warn(`a.yaml:2:1: key "t-cuont"`, "t-cuont", `unknown option, ignored, did you mean "t-count"?`)}},
		{name: "pending keys", yaml: "kubernetes-allowed-external-names: {a: [b]}\nswarm-redis-urls: [a, b]\nswarm-redis-password: hunter2\n", want: []option.Warning{
			warn(`a.yaml:1:1: key "kubernetes-allowed-external-names"`, "kubernetes-allowed-external-names", k8s),
			warn(`a.yaml:2:1: key "swarm-redis-urls"`, "swarm-redis-urls", "accepted, has no effect yet: the swarm and what counts in it are missing"),
			warn(`a.yaml:3:1: key "swarm-redis-password"`, "swarm-redis-password", "accepted, has no effect yet: the swarm and what counts in it are missing"),
		}},
		{name: "pending bool", yaml: "kubernetes: yes", want: []option.Warning{warn(`a.yaml:1:1: key "kubernetes"`, "kubernetes", k8s)}},
		{name: "no value", yaml: "t-name:\nkubernetes: ~\nt-count: null\n"},
		{name: "empty file", yaml: "# nothing\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := option.NewSet()
			got, err := s.ApplyYAML("a.yaml", []byte(c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			_, more, err := s.ApplyFlags(c.flags)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, append(got, more...)); diff != "" {
				t.Error(diff)
			}
			if name := tested.From(s).Name; name != "fred" {
				t.Errorf("name became %q", name)
			}
		})
	}
}

func TestEnvWarnsAndErrs(t *testing.T) {
	env := map[string]string{"FAIRLEAD_KUBERNETES": "true", "FAIRLEAD_T_PAST": "1", "FAIRLEAD_SWARM_PORT": "x", "FAIRLEAD_T_SECRET": "s", "FAIRLEAD_T_PIN": "hunter2"}
	warnings, err := option.NewSet().ApplyEnv(func(n string) (string, bool) { v, ok := env[n]; return v, ok })
	var where []string
	for _, w := range warnings {
		where = append(where, w.String())
	}
	if diff := cmp.Diff([]string{
		"environment FAIRLEAD_T_PAST: is deprecated: use t-count",
		"environment FAIRLEAD_KUBERNETES: accepted, has no effect yet: routes from Kubernetes are missing",
	}, where); diff != "" {
		t.Error(diff)
	}
	if err == nil || !strings.Contains(err.Error(), "FAIRLEAD_SWARM_PORT") || !strings.Contains(err.Error(), "FAIRLEAD_T_PIN") || strings.Contains(err.Error(), "hunter") {
		t.Errorf("got %v", err)
	}
}

func TestLongValueIsCut(t *testing.T) {
	_, _, err := option.NewSet().ApplyFlags([]string{"-t-count=" + strings.Repeat("é", 5000)})
	if err == nil || len(err.Error()) > 300 || !strings.Contains(err.Error(), "(10000 bytes)") {
		t.Errorf("got %v", err)
	}
}

func FuzzFlags(f *testing.F) {
	f.Add("-t-name=a\x00-t-on\x00-t-list=a,b\x00rest")
	f.Add("--t-pairs\x00a=b\x00-kubernetes\x00--\x00-t-on")
	f.Add("-t-each=(\x00-t-expr=(\x00-\x00-t-wait=1h")
	f.Fuzz(func(t *testing.T, in string) {
		args := strings.Split(in, "\x00")
		s := option.NewSet()
		rest, _, err := s.ApplyFlags(args)
		if len(rest) > len(args) {
			t.Fatalf("%q leaves %q", args, rest)
		}
		if err != nil {
			return
		}
		// What was understood is written the same way by the listing, and read
		// back to the same values.
		for _, i := range s.All() {
			if i.From == "" || i.Secret || i.Repeat || strings.HasPrefix(i.Type, "list") || strings.HasPrefix(i.Type, "name=") {
				continue
			}
			again := option.NewSet()
			if _, _, err := again.ApplyFlags([]string{"-" + i.Flag + "=" + i.Value}); err != nil {
				t.Fatalf("%q: value %q of %s cannot be read back: %v", args, i.Value, i.Flag, err)
			}
			for _, j := range again.All() {
				if j.Flag == i.Flag && j.Value != i.Value {
					t.Fatalf("%s: %q became %q", i.Flag, i.Value, j.Value)
				}
			}
		}
	})
}

func FuzzYAML(f *testing.F) {
	f.Add("t-name: a\nt-list: [a, b]\nt-pairs: {a: b}\n")
	f.Add("a: &x [1]\nt-list: *x\n<<: *x\n")
	f.Add("t-each: [{a: 1}]\nkubernetes: true\n---\n")
	f.Fuzz(func(t *testing.T, in string) {
		s := option.NewSet()
		if _, err := s.ApplyYAML("a.yaml", []byte(in)); err != nil && !strings.HasPrefix(err.Error(), "a.yaml") {
			t.Fatalf("error without its place: %v", err)
		}
		s.All()
	})
}
