package app

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/route"
)

// vocabularyFiles makes a folder with the files that some filters read.
func vocabularyFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secret": "token", "key": "0123456789abcdef0123456789abcdef",
		"htpasswd": "user:$2y$05$abcdefghijklmnopqrstuuC5nR1tD7f5aWb4uLhVhhjvHqkO8s4nK\n", "ca.pem": string(certtest.New(t, "ca").CertPEM),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// vocabularyCompiler compiles routes as the program does, with the flags that some
// filters ask for.
func vocabularyCompiler(t *testing.T, dir string) *route.Compiler {
	t.Helper()
	set := option.NewSet()
	for _, f := range []string{
		"-forward-backend-url=http://127.0.0.1:9091",
		"-oidc-secrets-file=" + filepath.Join(dir, "key"), "-credentials-paths=" + dir, "-oauth2-tokeninfo-url=https://login.example.org/tokeninfo",
		"-enable-oauth2-grant-flow", "-oauth2-secret-file=" + filepath.Join(dir, "key"), "-oauth2-auth-url=https://login.example.org/auth",
		"-oauth2-token-url=https://login.example.org/token", "-oauth2-revoke-token-url=https://login.example.org/revoke",
		"-mtls-authn-ca=" + filepath.Join(dir, "ca.pem"), "-oauth2-tokeninfo-subject-key=sub", "-oauth2-client-id=id", "-oauth2-client-secret=secret",
	} {
		if _, _, err := set.ApplyFlags([]string{f}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := route.New(set, nil, pending.Hint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.FilterEnv.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// later are the filters that wait for a shared state, policies and scripts.
var later = []string{
	"clusterClientRatelimit", "clusterLeakyBucketRatelimit", "clusterRatelimit", "lua",
	"opaAuthorizeRequest", "opaAuthorizeRequestWithBody", "opaServeResponse", "opaServeResponseWithReqBody",
}

// compiles compiles a route, unless a filter is not built yet: it then returns its
// name.
func compiles(t *testing.T, c *route.Compiler, def *eskip.Route) (missing string) {
	t.Helper()
	for _, f := range def.Filters {
		if filter.Lookup(f.Name) != nil {
			continue
		}
		if _, known := pending.Filter(f.Name); !known {
			t.Errorf("route %s: filter %s is neither there nor pending", def.ID, f.Name)
		}
		return f.Name
	}
	r, problem := c.Compile(def)
	if problem != nil {
		t.Errorf("%v", problem.Err)
		return ""
	}
	if err := r.Close(); err != nil {
		t.Errorf("route %s: %v", def.ID, err)
	}
	return ""
}

// TestVocabulary compiles a route for each name that Skipper's routes can have, in
// the forms that its documentation shows, and makes sure that none is forgotten.
func TestVocabulary(t *testing.T) {
	dir := vocabularyFiles(t)
	text, err := os.ReadFile(filepath.Join("testdata", "vocabulary.eskip"))
	if err != nil {
		t.Fatal(err)
	}
	defs, err := eskip.Parse("vocabulary.eskip", strings.ReplaceAll(string(text), "DIR", dir))
	if err != nil {
		t.Fatal(err)
	}
	c := vocabularyCompiler(t, dir)
	used := map[string]bool{}
	for _, def := range defs {
		for _, call := range slices.Concat(def.Predicates, def.Filters) {
			used[call.Name] = true
		}
		if missing := compiles(t, c, def); missing != "" && !slices.Contains(later, missing) {
			t.Logf("route %s waits for %s", def.ID, missing)
		}
	}
	for _, name := range slices.Concat(predicate.Names(), pending.Filters(), pending.Predicates()) {
		if !used[name] {
			t.Errorf("no route uses %s", name)
		}
	}
}

// TestVocabularyIsWhole compares the filters of the vocabulary with the list of
// the specification, which names most of them.
func TestVocabularyIsWhole(t *testing.T) {
	spec := besideTheRepository(t, "spec", "skipper.md")
	text, err := os.ReadFile(filepath.Join("testdata", "vocabulary.eskip"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok1 := strings.Cut(spec, "### 1.3 ")
	section, _, ok2 := strings.Cut(rest, "### 1.4 ")
	if !ok1 || !ok2 {
		t.Fatal("the specification has no section 1.3")
	}
	n := 0
	for _, m := range regexp.MustCompile("`([a-z][A-Za-z0-9]+)\\(").FindAllStringSubmatch(section, -1) {
		n++
		if !strings.Contains(string(text), " "+m[1]+"(") {
			t.Errorf("no route uses %s", m[1])
		}
	}
	if n < 80 {
		t.Errorf("the specification names %d filters only", n)
	}
}

// besideTheRepository returns a text that comes with the task, not with the
// project; without it the test is skipped.
func besideTheRepository(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "shared"}, parts...)...))
	if err != nil {
		t.Skip("not beside the repository: ", err)
	}
	return string(text)
}

// What the language looks like in documents: items of lists, routes, flags, and
// predicates in the middle of a sentence.
var (
	seedItem  = regexp.MustCompile(`(?m)^\s*-\s+([A-Za-z]+\(.*\))$`)
	seedRoute = regexp.MustCompile(`(?m)((?:\*|[A-Z]\w*\([^\n]*?\)) -> [^\n]*?<shunt>)`)
	seedFlag  = regexp.MustCompile(`-default-filters-(?:prepend|append)=([^'\n]*)`)
	seedInner = regexp.MustCompile(`\b((?:Host|ClientIP|Traffic|Cookie|Header|Method|Source)\((?:"[^"\n]*"|/[^/\n]*/|[\d.]+)(?:, ?"[^"\n]*")*\))`)
)

// TestSeeds parses and compiles what stands in the route language in the documents
// that the project began with.
func TestSeeds(t *testing.T) {
	c := vocabularyCompiler(t, vocabularyFiles(t))
	found := 0
	for _, name := range []string{"000_d042a30320f27129.txt", "001_23acab2947fa71c3.txt", "002_6e422c988af7d929.txt"} {
		text := strings.ReplaceAll(besideTheRepository(t, "seeds", name), `\"`, `"`)
		var routes []string
		for _, m := range seedRoute.FindAllStringSubmatch(text, -1) {
			routes = append(routes, m[1])
		}
		for _, m := range seedFlag.FindAllStringSubmatch(text, -1) {
			routes = append(routes, "* -> "+m[1]+" -> <shunt>")
		}
		for _, m := range seedInner.FindAllStringSubmatch(text, -1) {
			routes = append(routes, m[1]+" -> <shunt>")
		}
		for _, m := range seedItem.FindAllStringSubmatch(text, -1) {
			if c := m[1][0]; 'A' <= c && c <= 'Z' {
				routes = append(routes, m[1]+" -> <shunt>")
			} else {
				routes = append(routes, "* -> "+m[1]+" -> <shunt>")
			}
		}
		for i, r := range routes {
			defs, err := eskip.Parse(name, fmt.Sprintf("r%d: %s;", i, r))
			if err != nil {
				t.Errorf("%s: %s: %v", name, r, err)
				continue
			}
			compiles(t, c, defs[0])
		}
		found += len(routes)
	}
	if found < 15 {
		t.Errorf("found %d routes, predicates and filters only: the test looks in the wrong place", found)
	}
	t.Logf("%d routes, predicates and filters", found)
}
