package app

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/fairlead/option"
)

func TestRewrite(t *testing.T) {
	i := run(t, "-wait-first-route-load", "-default-filters-prepend", `setResponseHeader("X-By", "default")`,
		"-clone-route", `#^Path[(]"(.*)"[)]$#Path("/clone$1")#`, "-edit-route", `/"default"/"edited"/`, "-edit-route", `#"/b"#"/c"#`,
		"-inline-routes", `a: Path("/a") -> inlineContent("A") -> <shunt>; b: Path("/b") -> inlineContent("B") -> <shunt>;`)
	defer http.DefaultClient.CloseIdleConnections()
	for path, want := range map[string]string{"/a": "A", "/clone/a": "A", "/c": "B", "/clone/b": "B"} {
		resp, err := http.Get(i.proxy + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != want || resp.Header.Get("X-By") != "edited" {
			t.Errorf("%s: %q, header %q, %v", path, body, resp.Header.Get("X-By"), err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if status, _ := i.get(i.proxy + "/b"); status != http.StatusNotFound {
		t.Errorf("the route of before the edit answers %d", status)
	}
	if _, routes := i.get(i.support + "/routes"); !strings.Contains(routes, "clone_b: ") {
		t.Errorf("the clone is not shown:\n%s", routes)
	}
}

func TestRewriteRefused(t *testing.T) {
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-clone-route", "/(/x/", "-edit-route", "x"}); err != nil {
		t.Fatal(err)
	}
	err := Proxy(t.Context(), set, slog.New(slog.DiscardHandler))
	for _, want := range []string{`option clone-route: found "/(/x/": regular expression "("`, `option edit-route: found "x", expected /expression/replacement/`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("started with %v, want an error with %s", err, want)
		}
	}
}

func TestRouteCreationMetrics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.eskip")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`old: Path("/old") -> originMarker("ingress", "old", "2020-01-02T03:04:05Z") -> <shunt>;`)
	i := run(t, "-route-creation-metrics", "-wait-first-route-load", "-routes-file", file)
	write(`new: Path("/new") -> originMarker("ingress", "new", "2020-01-02T03:04:05Z") -> <shunt>;`)
	i.eventually("the new route is measured", func() bool {
		_, text := i.get(i.support + "/metrics")
		return strings.Contains(text, `custom_duration_seconds_count{key="routeCreationTime.ingress"} 1`)
	})
}

// TestHeaderFilters sends headers in other forms through the proxy: what arrives
// is what counts.
func TestHeaderFilters(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Charset", "X-Base", "X-Unverified-Audit", "X-None"} {
			w.Header()["Got-"+name] = r.Header[name]
		}
		w.Header().Set("Got-Host", r.Host)
	}))
	t.Cleanup(backend.Close)
	i := run(t, "-wait-first-route-load", "-inline-routes", `* -> preserveHost("true") -> rfcHost() -> encodeRequestHeader("X-Charset", "ISO8859_1")
		-> decodeBase64RequestHeader("X-Base", 1) -> setContextRequestHeader("X-None", "nobody-said-so") -> unverifiedAuditLog()
		-> encodeBase64ResponseHeader("Got-X-Base") -> tracingTagFromResponse("a", "${response.header.Got-Host}") -> "`+backend.URL+`"`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.proxy, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "example.org."
	req.Header.Set("X-Charset", "J\u00fcrgen")
	req.Header.Set("X-Base", "a YWJj")
	req.Header.Set("Authorization", "Bearer e30."+base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"alice"}`))+".c2ln")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"Got-X-Charset": "J\xfcrgen", "Got-X-Base": "YSBhYmM=", "Got-X-Unverified-Audit": "alice", "Got-X-None": "", "Got-Host": "example.org",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestPatchPath asks for encoded slashes: whether they are slashes is what
// -rfc-patch-path says.
func TestPatchPath(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RequestURI)
	}))
	t.Cleanup(backend.Close)
	routes := `one: Path("/api/:id") -> setResponseHeader("X-Id", "${id}") -> modPath("^/api/", "/v2/") -> "` + backend.URL + `";
		two: Path("/api/:id/:sub") -> "` + backend.URL + `";
		rfc: PathSubtree("/rfc") -> rfcPath() -> modPath("^/rfc", "") -> "` + backend.URL + `";`
	plain, patched := run(t, "-wait-first-route-load", "-inline-routes", routes), run(t, "-wait-first-route-load", "-inline-routes", routes, "-rfc-patch-path")
	for _, tt := range []struct {
		i          *instance
		path, want string
	}{
		{plain, "/api/a%2Fb", "/api/a%2Fb"},
		{plain, "/api/a", "/v2/a"},
		{plain, "/rfc/a%2Fb%20c", "/a%2Fb%20c"},
		{patched, "/api/a%2Fb", "/v2/a%2Fb"},
		{patched, "/api/a/b", "/api/a/b"},
		{patched, "/api/a%20b%2fc", "/v2/a%20b%2Fc"},
		{patched, "/rfc/a%2Fb%20c", "/a%2Fb%20c"},
	} {
		if status, body := tt.i.get(tt.i.proxy + tt.path); status != 200 || body != tt.want {
			t.Errorf("%s (patched %v): %d %q, want %q", tt.path, tt.i == patched, status, body, tt.want)
		}
	}
	if status, _ := patched.get(patched.proxy + "/api/..%2F..%2Fadmin"); status != http.StatusBadRequest {
		t.Errorf("a path that climbs once it is decoded: %d", status)
	}
}
