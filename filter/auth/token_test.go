package auth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/issuer/issuertest"
)

func TestIntrospection(t *testing.T) {
	idp, env := issuertest.New(t), newEnv(t)
	idp.ClientID, idp.ClientSecret = "proxy", "s3:cret"
	idp.Introspected = func(token string) map[string]any {
		switch token {
		case "good":
			return map[string]any{"active": true, "sub": "me", "email": "m@e", "realm": "eu", "claims": map[string]any{"group": "x"}}
		case "flat":
			return map[string]any{"active": true, "sub": "me", "email": "m@e"}
		case "nobody":
			return map[string]any{"active": true, "email": "m@e"}
		case "odd":
			return map[string]any{"active": "true", "sub": "me", "email": "m@e"}
		}
		return map[string]any{"active": false}
	}
	good := outcome{200, "me", ""}
	for _, tt := range []struct {
		name  string
		args  []any
		token string
		want  outcome
	}{
		{"AnyClaims", []any{"x", "group"}, "good", good},
		{"AnyClaims", []any{"email"}, "good", outcome{401, "me", "invalid-claim"}},
		{"AnyClaims", []any{"x", "email"}, "flat", good},
		{"AllClaims", []any{"group"}, "good", good},
		{"AllClaims", []any{"group", "x"}, "good", outcome{401, "me", "invalid-claim"}},
		{"AnyKV", []any{"realm", "us", "realm", "eu"}, "good", good},
		{"AnyKV", []any{"realm", "us"}, "good", outcome{401, "me", "invalid-claim"}},
		{"AllKV", []any{"realm", "eu", "email", "m@e"}, "good", good},
		{"AllKV", []any{"realm", "eu", "email", "x"}, "good", outcome{401, "me", "invalid-claim"}},
		{"AnyClaims", []any{"email"}, "nobody", outcome{401, "", "invalid-sub-in-token"}},
		{"AnyClaims", []any{"email"}, "odd", outcome{401, "me", "inactive-token"}},
		{"AnyClaims", []any{"email"}, "revoked", outcome{401, "", "inactive-token"}},
		{"AnyClaims", []any{"email"}, "", outcome{401, "", "missing-token"}},
	} {
		args := append([]any{idp.URL, "proxy", "s3:cret"}, tt.args...)
		f := filtertest.BuildEnv(t, env, "secureOauthTokenintrospection"+tt.name, args...)
		if got, _ := try(t, []filter.Filter{f}, "Authorization", "Bearer "+tt.token); got != tt.want {
			t.Errorf("%s%v, %s: got %+v, want %+v", tt.name, tt.args, tt.token, got, tt.want)
		}
		// An issuer that wants to know who asks tells others nothing.
		f = filtertest.BuildEnv(t, env, "oauthTokenintrospection"+tt.name, append([]any{idp.URL}, tt.args...)...)
		if got, _ := try(t, []filter.Filter{f}, "Authorization", "Bearer "+tt.token); got.status == 200 || tt.token != "" && got.status != 503 {
			t.Errorf("%s%v, %s: got %+v without the secret", tt.name, tt.args, tt.token, got)
		}
	}
	if n := idp.Metadata.Load(); n != 1 {
		t.Errorf("the metadata were fetched %d times", n)
	}
	idp.ClientID = ""
	open := filtertest.BuildEnv(t, env, "oauthTokenintrospectionAnyClaims", idp.URL, "group")
	again := filtertest.BuildEnv(t, env, "oauthTokenintrospectionAllKV", idp.URL, "realm", "eu")
	before := idp.Introspections.Load()
	if got, _ := try(t, []filter.Filter{open, again}, "Authorization", "Bearer good"); got != good || idp.Introspections.Load() != before+1 {
		t.Errorf("two filters: got %+v, asked %d times", got, idp.Introspections.Load()-before)
	}
}

// Id and secret may be from the environment and from secrets.
func TestIntrospectionSecrets(t *testing.T) {
	idp, dir := issuertest.New(t), t.TempDir()
	idp.ClientID, idp.ClientSecret = "proxy", "hidden"
	idp.Introspected = func(string) map[string]any { return map[string]any{"active": true, "sub": "me"} }
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("hidden\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OAUTH_CLIENT_ID", "proxy")
	env := newEnv(t, "-credentials-paths="+dir)
	f := filtertest.BuildEnv(t, env, "secureOauthTokenintrospectionAnyClaims", idp.URL, "", "secretRef:"+file, "sub")
	if got, _ := try(t, []filter.Filter{f}, "Authorization", "Bearer good"); got.status != 200 {
		t.Errorf("got %+v", got)
	}
	err := filtertest.BuildError(t, "secureOauthTokenintrospectionAnyClaims", idp.URL, "", "secretRef:/nowhere", "sub")
	if !strings.Contains(err.Error(), `argument 3 (secret): found the secret "/nowhere"`) {
		t.Errorf("got %v", err)
	}
	t.Setenv("OAUTH_CLIENT_SECRET", "")
	err = filtertest.BuildError(t, "secureOauthTokenintrospectionAnyClaims", idp.URL, "", "", "sub")
	if !strings.Contains(err.Error(), "OAUTH_CLIENT_SECRET") {
		t.Errorf("got %v", err)
	}
}

func TestJWT(t *testing.T) {
	idp, other, env := issuertest.New(t), issuertest.New(t), newEnv(t)
	byIssuer := filtertest.BuildEnv(t, env, "jwtValidation", idp.URL)
	byKeys := filtertest.BuildEnv(t, env, "jwtValidationKeys", idp.KeysURL())
	expired := map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}
	for name, tt := range map[string]struct {
		field          string
		issuer, keyset outcome
	}{
		"good":           {"Bearer " + idp.Token(nil), outcome{200, "somebody", ""}, outcome{200, "somebody", ""}},
		"of others":      {"Bearer " + other.Token(nil), outcome{401, "", "invalid-token"}, outcome{401, "", "invalid-token"}},
		"another issuer": {"Bearer " + idp.Token(map[string]any{"iss": "x"}), outcome{401, "", "invalid-token"}, outcome{200, "somebody", ""}},
		"expired":        {"Bearer " + idp.Token(expired), outcome{401, "", "invalid-token"}, outcome{401, "", "invalid-token"}},
		"nobody's":       {"Bearer " + idp.Token(map[string]any{"sub": nil}), outcome{401, "", "invalid-sub-in-token"}, outcome{401, "", "invalid-sub-in-token"}},
		"none":           {"", outcome{401, "", "missing-token"}, outcome{401, "", "missing-token"}},
		"no token":       {"Basic eDp5", outcome{401, "", "missing-token"}, outcome{401, "", "missing-token"}},
	} {
		if got, _ := try(t, []filter.Filter{byIssuer}, "Authorization", tt.field); got != tt.issuer {
			t.Errorf("%s: jwtValidation: got %+v", name, got)
		}
		if got, _ := try(t, []filter.Filter{byKeys}, "Authorization", tt.field); got != tt.keyset {
			t.Errorf("%s: jwtValidationKeys: got %+v", name, got)
		}
	}
	other.Down.Store(true)
	down := filtertest.BuildEnv(t, env, "jwtValidation", other.URL)
	if got, _ := try(t, []filter.Filter{down}, "Authorization", "Bearer "+other.Token(nil)); got != (outcome{503, "", "auth-service-access"}) {
		t.Errorf("got %+v", got)
	}
}
