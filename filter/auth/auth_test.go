package auth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/issuer/issuertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

func newEnv(t testing.TB, flags ...string) *filter.Env {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	env := filter.NewEnv(set, nil)
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return env
}

// outcome is what became of a request.
type outcome struct {
	status       int
	user, reject string
}

// try runs filters over a request with these fields, name and value in turn.
func try(t testing.TB, filters []filter.Filter, fields ...string) (outcome, *filtertest.Exchange) {
	t.Helper()
	x := filtertest.New(t)
	for i := 0; i < len(fields); i += 2 {
		x.Request.Header.Add(fields[i], fields[i+1])
	}
	x.Answer(200, "")
	x.Run(filters...)
	o := outcome{status: x.Response.Status}
	o.user, _ = filter.State(x.Context, stateUser)
	o.reject, _ = filter.State(x.Context, stateReason)
	if o.status != 200 && x.Forwarded {
		t.Errorf("a request that was refused was forwarded")
	}
	if o.status == 401 && !x.Response.Header.Has("WWW-Authenticate") {
		t.Error("401 without a challenge")
	}
	return o, x
}

// infoService answers by token: "me" is a good one, with these claims beside.
func infoService(t testing.TB, asked *atomic.Int64) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") {
		case "list":
			io.WriteString(w, `{"uid":"me","scope":["read","write"],"realm":"/employees","deep":{"a":[{"b":"found"}],"n":12345678901234567},"dotted.name":"dot","expires_in":100}`)
		case "text":
			io.WriteString(w, `{"uid":"me","scope":"read write","realm":["/employees"]}`)
		case "bare":
			io.WriteString(w, `{}`)
		case "broken":
			io.WriteString(w, `{"uid":`)
		case "down":
			w.WriteHeader(500)
		default:
			w.WriteHeader(401)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestTokeninfo(t *testing.T) {
	var asked atomic.Int64
	env := newEnv(t, "-oauth2-tokeninfo-url="+infoService(t, &asked))
	good, scope := outcome{200, "me", ""}, outcome{403, "me", "invalid-scope"}
	for _, tt := range []struct {
		name  string
		args  []any
		token string
		want  outcome
	}{
		{"oauthTokeninfoAnyScope", []any{"read", "x"}, "list", good},
		{"oauthTokeninfoAnyScope", []any{"x", "write"}, "text", good},
		{"oauthTokeninfoAnyScope", []any{"x", "y"}, "list", scope},
		{"oauthTokeninfoAnyScope", []any{"rea"}, "text", scope},
		{"oauthTokeninfoAnyScope", []any{"read"}, "bare", outcome{403, "", "invalid-scope"}},
		{"oauthTokeninfoAllScope", []any{"read", "write"}, "list", good},
		{"oauthTokeninfoAllScope", []any{"read", "x"}, "list", scope},
		{"oauthTokeninfoAllScope", []any{"read", "x"}, "text", scope},
		{"oauthTokeninfoAnyKV", []any{"realm", "/x", "realm", "/employees"}, "list", good},
		{"oauthTokeninfoAnyKV", []any{"realm", "/x"}, "list", scope},
		{"oauthTokeninfoAnyKV", []any{"realm", "/employees"}, "text", scope}, // a list is no string
		{"oauthTokeninfoAllKV", []any{"realm", "/employees", "uid", "me"}, "list", good},
		{"oauthTokeninfoAllKV", []any{"realm", "/employees", "uid", "you"}, "list", scope},
		{"oauthTokeninfoAllKV", []any{"none", ""}, "list", scope},
		{"oauthTokeninfoAllKV", []any{"uid", "me"}, "wrong", outcome{401, "", "invalid-token"}},
		{"oauthTokeninfoAllKV", []any{"uid", "me"}, "down", outcome{503, "", "auth-service-access"}},
		{"oauthTokeninfoAllKV", []any{"uid", "me"}, "broken", outcome{503, "", "auth-service-access"}},
		{"oauthTokeninfoAllKV", []any{"uid", "me"}, "a\tb", outcome{401, "", "invalid-token"}},
		{"oauthTokeninfoValidate", []any{"{}"}, "bare", outcome{200, "", ""}},
		{"oauthTokeninfoValidate", []any{"{}"}, "wrong", outcome{401, "", "invalid-token"}},
		{"oauthTokeninfoValidate", []any{"{}"}, "down", outcome{503, "", "auth-service-access"}},
	} {
		f := []filter.Filter{filtertest.BuildEnv(t, env, tt.name, tt.args...)}
		if got, _ := try(t, f, "Authorization", "Bearer "+tt.token); got != tt.want {
			t.Errorf("%s%v, %s: got %+v, want %+v", tt.name, tt.args, tt.token, got, tt.want)
		}
	}
}

// What a request must carry to be asked about at all.
func TestCredentials(t *testing.T) {
	var asked atomic.Int64
	env := newEnv(t, "-oauth2-tokeninfo-url="+infoService(t, &asked))
	f := []filter.Filter{filtertest.BuildEnv(t, env, "oauthTokeninfoAnyScope", "read")}
	for _, fields := range [][]string{
		nil,
		{"Authorization", ""},
		{"Authorization", "Bearer"},
		{"Authorization", "Bearer "},
		{"Authorization", "Bearerlist"},
		{"Authorization", "Basic list"},
		{"Authorization", "list"},
		{"Authorization", "Bearer list", "Authorization", "Bearer list"},
		{"Authorization", "Basic x", "authorization", "Bearer list"},
		{"X-Authorization", "Bearer list"},
	} {
		got, x := try(t, f, fields...)
		if got != (outcome{401, "", "missing-bearer-token"}) || x.Refused() != message.ReasonUnauthorized {
			t.Errorf("%q: got %+v", fields, got)
		}
		if c := x.Response.Header.Get("WWW-Authenticate"); c != `Bearer realm="www.example.org"` {
			t.Errorf("%q: challenge %q", fields, c)
		}
	}
	if asked.Load() != 0 {
		t.Error("the service was asked")
	}
	if got, _ := try(t, f, "authorization", "bearer  list"); got.status != 200 {
		t.Errorf("the scheme in lower case: got %+v", got)
	}
	_, x := try(t, f, "Authorization", "Bearer wrong")
	if c := x.Response.Header.Get("WWW-Authenticate"); c != `Bearer realm="www.example.org", error="invalid_token"` {
		t.Errorf("challenge %q", c)
	}
	_, x = try(t, f, "Authorization", "Bearer bare")
	if c := x.Response.Header.Get("WWW-Authenticate"); !strings.Contains(c, "insufficient_scope") {
		t.Errorf("challenge %q", c)
	}
}

// Filters in a row ask once.
func TestTokeninfoOnce(t *testing.T) {
	var asked atomic.Int64
	env := newEnv(t, "-oauth2-tokeninfo-url="+infoService(t, &asked))
	f := []filter.Filter{
		filtertest.BuildEnv(t, env, "oauthTokeninfoValidate", "{}"),
		filtertest.BuildEnv(t, env, "oauthTokeninfoAnyScope", "read"),
		filtertest.BuildEnv(t, env, "oauthTokeninfoAllKV", "uid", "me"),
		filtertest.BuildEnv(t, env, "oauthTokeninfoValidate", "{}"),
	}
	if got, _ := try(t, f, "Authorization", "Bearer list"); got.status != 200 || asked.Load() != 1 {
		t.Errorf("got %+v, asked %d times", got, asked.Load())
	}
}

func TestValidateConfig(t *testing.T) {
	var asked atomic.Int64
	env := newEnv(t, "-oauth2-tokeninfo-url="+infoService(t, &asked))
	f := filtertest.BuildEnv(t, env, "oauthTokeninfoValidate", "{optOutAnnotations: [free], optOutHosts: ['^public[.]', '^exact$'], unauthorizedResponse: 'Log in'}")
	got, x := try(t, []filter.Filter{f})
	if got.status != 401 || x.ResponseBody() != "Log in" {
		t.Errorf("got %+v", got)
	}
	annotated := annotating{"free"}
	if got, _ := try(t, []filter.Filter{annotated, f}); got.status != 200 {
		t.Errorf("annotated: got %+v", got)
	}
	if got, _ := try(t, []filter.Filter{annotating{"other"}, f}); got.status != 401 {
		t.Errorf("annotated otherwise: got %+v", got)
	}
	for host, status := range map[string]int{"public.example.org": 200, "exact": 200, "exact.example.org": 401, "www.public.example.org": 401} {
		x := filtertest.New(t)
		x.Request.Host = host
		x.Run(f)
		if x.Response.Status != status {
			t.Errorf("%s: got %d", host, x.Response.Status)
		}
	}
}

// annotating annotates the route.
type annotating struct{ key string }

func (a annotating) Request(c *filter.Context) { filter.Annotate(c, a.key, "") }
func (annotating) Response(*filter.Context)    {}

func TestForward(t *testing.T) {
	var asked atomic.Int64
	env := newEnv(t, "-oauth2-tokeninfo-url="+infoService(t, &asked))
	info := filtertest.BuildEnv(t, env, "oauthTokeninfoAnyScope", "read")
	for _, tt := range []struct {
		name string
		args []any
		want string
	}{
		{"forwardToken", []any{"X-It", "uid", "scope", "nothing"}, `{"scope":["read","write"],"uid":"me"}`},
		{"forwardToken", []any{"X-It", "deep"}, `{"deep":{"a":[{"b":"found"}],"n":12345678901234567}}`},
		{"forwardTokenField", []any{"X-It", "uid"}, "me"},
		{"forwardTokenField", []any{"x-it", "scope"}, `["read","write"]`},
		{"forwardTokenField", []any{"X-It", "scope.1"}, "write"},
		{"forwardTokenField", []any{"X-It", "scope.2"}, ""},
		{"forwardTokenField", []any{"X-It", "deep.n"}, "12345678901234567"},
		{"forwardTokenField", []any{"X-It", "deep.a.0.b"}, "found"},
		{"forwardTokenField", []any{"X-It", "dotted.name"}, "dot"},
		{"forwardTokenField", []any{"X-It", "claims.uid"}, "me"},
		{"forwardTokenField", []any{"X-It", "uid.x"}, ""},
		{"forwardTokenField", []any{"X-It", "nothing"}, ""},
	} {
		f := filtertest.BuildEnv(t, env, tt.name, tt.args...)
		_, x := try(t, []filter.Filter{info, f}, "Authorization", "Bearer list", "X-It", "faked", "x-it", "again")
		got := filtertest.Fields(&x.Request.Header, "X-It")
		if strings.Join(got, "|") != tt.want || tt.want != "" && len(got) != 1 {
			t.Errorf("%s%v: got %q", tt.name, tt.args, got)
		}
		_, x = try(t, []filter.Filter{f}, "X-It", "faked")
		if x.Request.Header.Has("X-It") {
			t.Errorf("%s%v: what the client says goes through", tt.name, tt.args)
		}
	}
	all := filtertest.BuildEnv(t, env, "forwardToken", "X-It")
	_, x := try(t, []filter.Filter{info, all}, "Authorization", "Bearer list")
	if !json.Valid([]byte(x.Request.Header.Get("X-It"))) {
		t.Errorf("got %q", x.Request.Header.Get("X-It"))
	}
	idp := issuertest.New(t)
	jwt := filtertest.BuildEnv(t, env, "jwtValidation", idp.URL)
	field := filtertest.BuildEnv(t, env, "forwardTokenField", "X-It", "evil")
	_, x = try(t, []filter.Filter{jwt, field}, "Authorization", "Bearer "+idp.Token(map[string]any{"evil": "a\r\nX-Admin: yes"}))
	if x.Request.Header.Get("X-It") != "a  X-Admin: yes" || x.Request.Header.Has("X-Admin") {
		t.Errorf("got %q", x.Request.Header.Get("X-It"))
	}
}

func TestWebhook(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.Header.Get("X-Of-Client") != "yes" || r.ContentLength != 0 || r.Header.Get("Upgrade") != "" || r.Host == "www.example.org" {
			t.Errorf("the service got %s %s %v", r.Method, r.Host, r.Header)
		}
		status := 0
		fmt.Sscan(r.Header.Get("X-Status"), &status)
		w.Header().Add("X-User", "me")
		w.Header().Add("X-User", "myself")
		w.Header().Set("X-Other", "no")
		if status == 407 {
			w.Header().Set("WWW-Authenticate", "Negotiate")
		}
		if status == 302 {
			w.Header().Set("Location", "/")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(hook.Close)
	env := newEnv(t)
	f := filtertest.BuildEnv(t, env, "webhook", hook.URL, "x-user, X-Missing")
	for status, want := range map[string]outcome{
		"200": {200, "webhook", ""}, "204": {200, "webhook", ""},
		"302": {401, "", "invalid-access"}, "401": {401, "", "invalid-access"}, "404": {401, "", "invalid-access"}, "407": {401, "", "invalid-access"},
		"403": {403, "", "invalid-access"},
		"429": {503, "", "auth-service-access"}, "500": {503, "", "auth-service-access"},
	} {
		got, x := try(t, []filter.Filter{f}, "X-Of-Client", "yes", "X-Status", status, "X-User", "faked", "X-Missing", "faked", "Upgrade", "x", "Content-Length", "5")
		if got != want {
			t.Errorf("%s: got %+v, want %+v", status, got, want)
		}
		h := &x.Request.Header
		if h.Has("X-Missing") || h.Has("X-Other") || strings.Join(filtertest.Fields(h, "X-User"), "|") != map[bool]string{true: "me|myself"}[want.status == 200] {
			t.Errorf("%s: the request has %v", status, h.Fields())
		}
		if status == "407" && x.Response.Header.Get("WWW-Authenticate") != "Negotiate" {
			t.Errorf("challenge %q", x.Response.Header.Get("WWW-Authenticate"))
		}
	}
	hook.Close()
	if got, _ := try(t, []filter.Filter{f}); got != (outcome{503, "", "auth-service-access"}) {
		t.Errorf("got %+v", got)
	}
	stalls := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(stalls.Close)
	slow := filtertest.BuildEnv(t, newEnv(t, "-webhook-timeout=50ms"), "webhook", stalls.URL)
	if got, _ := try(t, []filter.Filter{slow}); got != (outcome{503, "", "auth-service-access"}) {
		t.Errorf("got %+v", got)
	}
}

func basicField(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestBasicAuth(t *testing.T) {
	file := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(file, []byte("me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := filtertest.BuildEnv(t, newEnv(t), "basicAuth", file, "Staff")
	good, wrong, missing := outcome{200, "me", ""}, outcome{401, "", "invalid-access"}, outcome{401, "", "missing-token"}
	for _, tt := range []struct {
		field string
		want  outcome
	}{
		{basicField("me", "password"), good},
		{strings.Replace(basicField("me", "password"), "Basic", "bASIC", 1), good},
		{basicField("me", "password"), good}, // remembered
		{basicField("me", "Password"), wrong},
		{basicField("me", ""), wrong},
		{basicField("me", "password:"), wrong},
		{basicField("Me", "password"), wrong},
		{basicField("you", "password"), wrong},
		{basicField("", "password"), missing},
		{basicField("a\x00", "password"), missing},
		{"Basic bWU=", missing},
		{"Basic !!!", missing},
		{"Basic", missing},
		{"Bearer x", missing},
		{basicField("me", strings.Repeat("a", 8<<10)), missing},
	} {
		got, x := try(t, []filter.Filter{f}, "Authorization", tt.field)
		if got != tt.want {
			t.Errorf("%.40s: got %+v, want %+v", tt.field, got, tt.want)
		}
		if c := x.Response.Header.Get("WWW-Authenticate"); got.status == 401 && c != `Basic realm="Staff", charset="UTF-8"` {
			t.Errorf("challenge %q", c)
		}
	}
	if got, _ := try(t, []filter.Filter{f}); got != missing {
		t.Errorf("got %+v", got)
	}
}

func TestWrong(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("me:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want string
		name string
		args []any
	}{
		{"argument 1 (htpasswd): file \"/nowhere\": no such file", "basicAuth", []any{"/nowhere"}},
		{"line 1: user \"me\"", "basicAuth", []any{bad}},
		{"no regular file", "basicAuth", []any{dir}},
		{"argument 2 (realm)", "basicAuth", []any{bad, "a\"b"}},
		{"argument 2 (realm)", "basicAuth", []any{bad, "a\nb"}},
		{"argument 1 (url)", "webhook", []any{"x"}},
		{"argument 2 (headers): header name \"a b\"", "webhook", []any{"http://x", "X-A,a b"}},
		{"argument 2 (headers): the header name is empty", "webhook", []any{"http://x", ""}},
		{"no service chooses the host", "webhook", []any{"http://x", "Host"}},
		{"argument 1 (issuer)", "jwtValidation", []any{"accounts.example.org"}},
		{"credentials", "jwtValidationKeys", []any{"https://u:p@h/"}},
		{"argument 2 (wanted): found the key \"k\" without a value", "oauthTokenintrospectionAnyKV", []any{"http://x", "k"}},
		{"argument 4 (wanted): found the key \"k2\"", "oauthTokenintrospectionAnyKV", []any{"http://x", "k", "v", "k2"}},
		{"argument 3 (wanted): found an empty name", "oauthTokenintrospectionAnyClaims", []any{"http://x", "a", ""}},
		{"-oauth2-tokeninfo-url", "oauthTokeninfoAnyScope", []any{"a"}},
		{"argument 1 (wanted): found an empty name", "oauthTokeninfoAnyScope", []any{""}},
		{"argument 1 (config): found YAML that cannot be read", "oauthTokeninfoValidate", []any{"{optOut: 1}"}},
		{"argument 1 (config): optOutHosts: found \"[\"", "oauthTokeninfoValidate", []any{"{optOutHosts: ['[']}"}},
		{"more than one YAML document", "jwtMetrics", []any{"{}\n---\n{}"}},
		{"argument 1 (config)", "jwtMetrics", []any{"{unknown: 1}"}},
		{"argument 1 (header)", "forwardToken", []any{"a b"}},
		{"argument 1 (header)", "forwardTokenField", []any{"Transfer-Encoding", "a"}},
		{"no token chooses the host", "forwardToken", []any{"host"}},
		{"argument 2 (field)", "forwardTokenField", []any{"X-A", ""}},
	} {
		err := filtertest.BuildError(t, tt.name, tt.args...)
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s%v: got %v", tt.name, tt.args, err)
		}
	}
}

// Where routes are only checked nothing goes through.
func TestOffline(t *testing.T) {
	env := newEnv(t)
	env.Offline = true
	for name, args := range map[string][]any{
		"basicAuth": {"/nowhere"}, "oauthTokeninfoAnyScope": {"a"}, "oauthTokeninfoValidate": {"{}"},
	} {
		field := "Bearer x"
		if name == "basicAuth" {
			field = basicField("a", "b")
		}
		if got, _ := try(t, []filter.Filter{filtertest.BuildEnv(t, env, name, args...)}, "Authorization", field); got.status != 503 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func BenchmarkAuth(b *testing.B) {
	var asked atomic.Int64
	env := newEnv(b, "-oauth2-tokeninfo-url="+infoService(b, &asked), "-oauth2-tokeninfo-cache-size=100")
	idp := issuertest.New(b)
	file := filepath.Join(b.TempDir(), "htpasswd")
	if err := os.WriteFile(file, []byte("me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	for name, bb := range map[string]struct {
		f     filter.Filter
		field string
	}{
		"basicAuth":              {filtertest.BuildEnv(b, env, "basicAuth", file), basicField("me", "password")},
		"oauthTokeninfoAnyScope": {filtertest.BuildEnv(b, env, "oauthTokeninfoAnyScope", "read"), "Bearer list"},
		"jwtValidation":          {filtertest.BuildEnv(b, env, "jwtValidation", idp.URL), "Bearer " + idp.Token(nil)},
	} {
		b.Run(name, func(b *testing.B) {
			x := filtertest.New(b)
			x.Request.Header.Add("Authorization", bb.field)
			b.ReportAllocs()
			for b.Loop() {
				x.Restart()
				if bb.f.Request(x.Context); x.Served() {
					b.Fatal("refused")
				}
			}
		})
	}
}

// What a filter says about who sends a request nobody says in its place under a
// name that backends take for the same.
func TestVariantsOfNames(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-User", "me") }))
	t.Cleanup(hook.Close)
	env := newEnv(t)
	for _, f := range []filter.Filter{
		filtertest.BuildEnv(t, env, "webhook", hook.URL, "X-User"),
		filtertest.BuildEnv(t, env, "forwardToken", "X-User"),
		filtertest.BuildEnv(t, env, "forwardTokenField", "X-User", "sub"),
	} {
		_, x := try(t, []filter.Filter{f}, "X_User", "admin", "x.user", "admin", "X-User", "admin", "X_User2", "other")
		for _, field := range x.Request.Header.Fields() {
			if field.Value == "admin" {
				t.Errorf("%T: left %q", f, field.Name)
			}
		}
		if !x.Request.Header.Has("X_User2") {
			t.Errorf("%T: another field is gone", f)
		}
	}
}

// The headers that a service is asked with are its own: the call may go on for a
// moment after the request has ended.
func TestWebhookKeepsHeaders(t *testing.T) {
	value := []byte("me")
	x := filtertest.New(t)
	x.Request.Header.Add("X-Of-Client", unsafe.String(&value[0], len(value)))
	u, err := url.Parse("http://127.0.0.1/")
	if err != nil {
		t.Fatal(err)
	}
	req := (&webhook{url: u}).question(x.Context)
	copy(value, "xx")
	if got := req.Header.Get("X-Of-Client"); got != "me" {
		t.Errorf("got %q", got)
	}
}
