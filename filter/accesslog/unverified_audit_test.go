package accesslog_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter/filtertest"
)

func TestUnverified(t *testing.T) {
	token := func(payload string) string {
		return "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for _, tt := range []struct {
		args          []any
		authorization string
		want          []string
	}{
		{nil, token(`{"sub":"alice@example.org"}`), []string{"alice@example.org"}},
		{[]any{"azp"}, token(`{"sub":"alice","azp":"app-1/x?y=z&%#:_."}`), []string{"app-1/x?y=z&%#:_."}},
		{nil, token(`{"sub":"alice smith"}`), []string{"<invalid-sub>"}},
		{nil, token(`{"sub":"a\nb"}`), []string{"<invalid-sub>"}},
		{nil, token(`{"sub":"a\"b"}`), []string{"<invalid-sub>"}},
		{nil, token(`{"sub":"\u00fc"}`), []string{"<invalid-sub>"}},
		{nil, token(`{"sub":""}`), []string{""}},
		{nil, token(`{"sub":1}`), nil},
		{nil, token(`{}`), nil},
		{nil, "Bearer abc", nil},
		{nil, "Basic abc", nil},
		{nil, "", nil},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add("x-unverified-audit", "forged")
		if tt.authorization != "" {
			x.Request.Header.Add("Authorization", tt.authorization)
		}
		x.Run(filtertest.Build(t, "unverifiedAuditLog", tt.args...))
		if got := filtertest.Fields(&x.Request.Header, "X-Unverified-Audit"); !slices.Equal(got, tt.want) {
			t.Errorf("%v %s: got %q, want %q", tt.args, tt.authorization, got, tt.want)
		}
	}
}

func TestUnverifiedAllocations(t *testing.T) {
	x := filtertest.New(t)
	x.Request.Header.Add("Authorization", "Bearer e30."+base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"x","sub":"alice"}`))+".c2ln")
	if n := x.Allocs(filtertest.Build(t, "unverifiedAuditLog")); n != 1 {
		t.Errorf("%v allocations, want the value only", n)
	}
}

func TestUnverifiedRefused(t *testing.T) {
	for want, args := range map[string][]any{
		"expected ([claim])":               {"a", "b"},
		`argument 1 (claim): found ""`:     {""},
		"argument 1 (claim): found the nu": {1},
	} {
		if err := filtertest.BuildError(t, "unverifiedAuditLog", args...); !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q in it", args, err, want)
		}
	}
}
