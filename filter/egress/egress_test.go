package egress_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter"
	_ "fairlead.dev/fairlead/filter/egress"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// newEnv has a folder with the secrets "good" and "bad".
func newEnv(t testing.TB) (env *filter.Env, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"good": "s3cret\n", "bad": "a\x01b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-credentials-paths=" + dir}); err != nil {
		t.Fatal(err)
	}
	env = filter.NewEnv(set, nil)
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return env, dir
}

func TestEgress(t *testing.T) {
	env, dir := newEnv(t)
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	for _, tt := range []struct {
		name        string
		args        []any
		field, want string
	}{
		{"bearerinjector", []any{good}, "Authorization", "Bearer s3cret"},
		{"bearerinjector", []any{bad}, "Authorization", ""},
		{"setRequestHeaderFromSecret", []any{"X-Key", good}, "X-Key", "s3cret"},
		{"setRequestHeaderFromSecret", []any{"x-key", good, "Key "}, "X-Key", "Key s3cret"},
		{"setRequestHeaderFromSecret", []any{"X-Key", good, "<", ">"}, "X-Key", "<s3cret>"},
		{"setRequestHeaderFromSecret", []any{"X-Key", bad, "", ""}, "X-Key", ""},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add(tt.field, "of the client")
		x.Request.Header.Add(strings.ToLower(tt.field), "and another")
		x.Run(filtertest.BuildEnv(t, env, tt.name, tt.args...))
		got := filtertest.Fields(&x.Request.Header, tt.field)
		if tt.want == "" {
			if len(got) != 0 || x.Refused() != message.ReasonAuthUnavailable || x.Forwarded || x.Response.Status != 503 {
				t.Errorf("%s%v: got %q, %v", tt.name, tt.args, got, x.Refused())
			}
			continue
		}
		if len(got) != 1 || got[0] != tt.want || !x.Forwarded {
			t.Errorf("%s%v: got %q", tt.name, tt.args, got)
		}
	}
}

func TestWrong(t *testing.T) {
	for want, args := range map[string][]any{
		"argument 2 (secret): found the secret \"/nowhere\"": {"X-Key", "/nowhere"},
		"argument 1 (header)":                                {"X Key", "/nowhere"},
		"argument 1 (header): header \"Content-Length\"":     {"Content-Length", "/nowhere"},
		"a secret is no host":                                {"Host", "/nowhere"},
		"argument 3 (prefix)":                                {"X-Key", "/nowhere", "a\nb"},
	} {
		if err := filtertest.BuildError(t, "setRequestHeaderFromSecret", args...); !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v", args, err)
		}
	}
	if err := filtertest.BuildError(t, "bearerinjector", "/nowhere"); !strings.Contains(err.Error(), "-credentials-paths") {
		t.Errorf("got %v", err)
	}
}

// Where routes are only checked the secret need not be there; nothing goes through.
func TestOffline(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	env.Offline = true
	x := filtertest.New(t)
	x.Run(filtertest.BuildEnv(t, env, "bearerinjector", "/nowhere"))
	if x.Forwarded || x.Response.Status != 503 {
		t.Errorf("got %+v", x.Response)
	}
}

func TestAllocs(t *testing.T) {
	env, dir := newEnv(t)
	x := filtertest.New(t)
	if n := x.Allocs(filtertest.BuildEnv(t, env, "setRequestHeaderFromSecret", "X-Key", filepath.Join(dir, "good"))); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := x.Allocs(filtertest.BuildEnv(t, env, "bearerinjector", filepath.Join(dir, "good"))); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBearerinjector(b *testing.B) {
	env, dir := newEnv(b)
	f := filtertest.BuildEnv(b, env, "bearerinjector", filepath.Join(dir, "good"))
	x := filtertest.New(b)
	b.ReportAllocs()
	for b.Loop() {
		f.Request(x.Context)
	}
}
