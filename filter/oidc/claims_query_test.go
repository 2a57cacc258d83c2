package oidc_test

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
)

const claims = `{"sub":"joe","email":"someone@example.org","groups":["CD-xyz","appX-Tester"],"name":"Some One","org":{"unit":{"id":7}}}`

func TestClaimsQuery(t *testing.T) {
	for _, tt := range []struct {
		path string
		args []any
		want bool
	}{
		{"/", []any{`/:email`}, true},
		{"/", []any{`/:mail`}, false},
		{"/login", []any{`/login:groups.#[=="appX-Tester"]`, `/:@_:email%"*@example.org"`}, true},
		{"/x", []any{`/login:groups.#[=="appX-Tester"]`, `/:@_:email%"*@example.org"`}, true},
		{"/x", []any{`/:@_:email%"*@example.net"`}, false},
		{"/", []any{`/:name%"*One"`}, false},
		{"/", []any{`/:@_:name%"*One"`}, true},
		{"/login", []any{`/login:groups.#[=="nobody"]`, `/:email`}, false},    // the first path decides
		{"/%2Flogin", []any{`/login:groups.#[=="nobody"]`, `/:email`}, false}, // to some servers it is the same
		{"/a%2F..%2Flogin", []any{`/login:groups.#[=="nobody"]`, `/:email`}, false},
		{"/login%2F..", []any{`/login:email`, `/:nothing`}, false},
		{"/login/%2e%2Fx", []any{`/login:email`}, true},
		{"/logins", []any{`/login:groups.#[=="nobody"]`, `/:email`}, false},
		{"/another/path", []any{`/another/path:groups.#[%"CD-*"]`}, true},
		{"/path", []any{`/path:groups.#[%"*-Nobody"] groups.#[=="CD-xyz"]`}, true}, // one suffices
		{"/path", []any{`/other:email`}, false},
		{"/", []any{`/:@_:name=="Some One" nothing`}, true}, // a space in quotes
		{"/", []any{`/:org.unit.id`}, true},
		{"/", []any{`/:@_:org.unit.id==7`}, true},
		{"/", []any{`/:'email'`}, true},
	} {
		for _, name := range []string{"oidcClaimsQuery", "grantClaimsQuery"} {
			x := filtertest.Get(t, tt.path)
			login.SetIdentity(x.Context, &login.Identity{Subject: "joe", Claims: []byte(claims)})
			x.Run(filtertest.Build(t, name, tt.args...))
			if x.Forwarded != tt.want || !tt.want && x.Refused() != message.ReasonForbidden {
				t.Errorf("%s %s(%q): passes %v with %v", tt.path, name, tt.args, x.Forwarded, x.Refused())
			}
		}
	}
}

// Without a filter that found out who it is nobody passes.
func TestClaimsQueryAlone(t *testing.T) {
	f := filtertest.Build(t, "oidcClaimsQuery", "/:email")
	x := filtertest.New(t)
	x.Run(f)
	if x.Forwarded || x.Refused() != message.ReasonUnauthorized {
		t.Errorf("refused with %v", x.Refused())
	}
	x = filtertest.New(t)
	login.SetIdentity(x.Context, &login.Identity{Subject: "joe", Claims: []byte("no json")})
	x.Run(f)
	if x.Forwarded {
		t.Error("claims that are no JSON let somebody pass")
	}
}

// The claims of a token that another filter verified do as well.
func TestClaimsQueryOfToken(t *testing.T) {
	f := filtertest.Build(t, "oidcClaimsQuery", `/:groups.#[=="a"]`)
	for group, want := range map[string]bool{"a": true, "b": false} {
		x := filtertest.New(t)
		issuer.Identity.Set(x.Context, issuer.Claims{"groups": []any{group}})
		x.Run(f)
		if x.Forwarded != want {
			t.Errorf("%s: passes %v", group, x.Forwarded)
		}
	}
}

func TestClaimsQueryArguments(t *testing.T) {
	for _, tt := range []struct {
		arg, want string
	}{
		{"", "expected a path and queries"},
		{"/path", "expected a path and queries"},
		{"path:email", "expected a path and queries"},
		{"/path:", "found no query"},
		{"/path:  ", "found no query"},
		{`/path:""`, "expected one of GJSON"},
		{"/path:@_:", "expected one of GJSON"},
		{"/path:a.@_:b", "expected one of GJSON"},
	} {
		err := filtertest.BuildError(t, "oidcClaimsQuery", "/:email", tt.arg)
		if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "argument 2 (path:queries): ") {
			t.Errorf("%q: got %q", tt.arg, err)
		}
	}
	filtertest.Build(t, "oidcClaimsQuery", `/:@_:email=="@_"`)
}

func FuzzClaimsQuery(f *testing.F) {
	f.Add(`/login:groups.#[=="appX-Tester"]`)
	f.Add(`/:@_:email%"*@example.org" x`)
	f.Add(`/:"`)
	f.Fuzz(func(t *testing.T, text string) {
		call := call("")
		call.Name = "oidcClaimsQuery"
		call.Args = call.Args[:1]
		call.Args[0].Text = text
		q, err := filtertest.BuildCall(nil, call)
		if err != nil {
			return
		}
		x := filtertest.New(t)
		login.SetIdentity(x.Context, &login.Identity{Subject: "joe", Claims: []byte(claims)})
		x.Run(q)
	})
}

func BenchmarkClaimsQuery(b *testing.B) {
	x := filtertest.New(b)
	f := filtertest.Build(b, "oidcClaimsQuery", `/:groups.#[=="appX-Tester"]`)
	b.ReportAllocs()
	for b.Loop() {
		x.Restart()
		login.SetIdentity(x.Context, &login.Identity{Subject: "joe", Claims: []byte(claims)})
		x.Run(f)
	}
}
