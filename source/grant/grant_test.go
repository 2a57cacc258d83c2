package grant

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

func open(t *testing.T, flags ...string) ([]source.Source, error) {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	return source.All()[0].Open(&source.Env{Options: set})
}

func TestCallbackRoute(t *testing.T) {
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{nil, ""},
		{[]string{"-oauth2-callback-path=/cb"}, ""},
		{[]string{"-enable-oauth2-grant-flow"}, `Path("/.well-known/oauth2-callback") -> grantCallback() -> <shunt>`},
		{[]string{"-enable-oauth2-grant-flow", "-oauth2-callback-path=/cb"}, `Path("/cb") -> grantCallback() -> <shunt>`},
	} {
		all, err := open(t, tt.flags...)
		if err != nil || len(all) != min(len(tt.want), 1) {
			t.Errorf("%v: got %d sources, %v", tt.flags, len(all), err)
			continue
		}
		if len(all) == 0 {
			continue
		}
		set, err := all[0].Routes(t.Context())
		if err != nil || len(set.Routes) != 1 || set.Routes[0].ID != login.CallbackRoute {
			t.Fatalf("got %+v, %v", set, err)
		}
		want, err := eskip.Parse("", tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Routes[0].String(); got != want[0].String() {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	for _, path := range []string{"", "cb", "/a/:b", "/**", "/a?b"} {
		if _, err := open(t, "-enable-oauth2-grant-flow", "-oauth2-callback-path="+path); err == nil || !strings.Contains(err.Error(), "oauth2-callback-path") {
			t.Errorf("%q: got %v", path, err)
		}
	}
}
