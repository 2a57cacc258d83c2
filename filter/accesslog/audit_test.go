package accesslog_test

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// auditEnv returns an environment whose audit log is a file; its lines are
// complete once lines was called.
func auditEnv(t *testing.T, flags ...string) (env *filter.Env, lines func() []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "audit.log")
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(append(flags, "-audit-log="+file)); err != nil {
		t.Fatal(err)
	}
	env = filter.NewEnv(set, nil)
	return env, func() []string {
		t.Helper()
		if err := env.Close(); err != nil {
			t.Error(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
}

// refuse is a filter that lets nobody in.
type refuse struct{ message.Reason }

func (f refuse) Request(c *filter.Context) { c.Refuse(f.Reason) }
func (refuse) Response(*filter.Context)    {}

// say is a filter that says something about the exchange.
type say [2]string

func (f say) Request(c *filter.Context) { filter.SetState(c, f[0], f[1]) }
func (say) Response(*filter.Context)    {}

func TestAuditLog(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flags   []string
		body    string
		filters []filter.Filter
		want    string
	}{
		{"plain", nil, "", nil, `{"method":"POST","path":"/a b","status":201}`},
		{"body", nil, "a=\"1\"\n", nil, `{"method":"POST","path":"/a b","status":201,"requestBody":"a=\"1\"\n"}`},
		{"long body", []string{"-max-audit-body=3"}, "12345", nil, `{"method":"POST","path":"/a b","status":201,"requestBody":"123"}`},
		{"no body", []string{"-max-audit-body=0"}, "12345", nil, `{"method":"POST","path":"/a b","status":201}`},
		{"any body", []string{"-max-audit-body=-1"}, "12345", nil, `{"method":"POST","path":"/a b","status":201,"requestBody":"12345"}`},
		{"user", nil, "", []filter.Filter{say{"auth-user", "me"}}, `{"method":"POST","path":"/a b","status":201,"authStatus":{"user":"me","rejected":false}}`},
		{"rejected", nil, "", []filter.Filter{say{"auth-user", "me"}, say{"auth-reject-reason", "invalid-scope"}, refuse{message.ReasonForbidden}},
			`{"method":"POST","path":"/a b","status":403,"authStatus":{"user":"me","rejected":true,"reason":"invalid-scope"}}`},
		{"rejected without a word", nil, "", []filter.Filter{refuse{message.ReasonUnauthorized}},
			`{"method":"POST","path":"/a b","status":401,"authStatus":{"rejected":true,"reason":"unauthorized"}}`},
		{"refused for something else", nil, "", []filter.Filter{refuse{message.ReasonRateLimited}}, `{"method":"POST","path":"/a b","status":429}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, lines := auditEnv(t, tt.flags...)
			x := filtertest.Get(t, "/a%20b?c")
			x.Request.Method = "POST"
			x.Restart()
			if tt.body != "" {
				x.Request.SetBody(strings.NewReader(tt.body), int64(len(tt.body)))
			}
			x.Backend = func(r *message.Request) *message.Response {
				r.SetPath("/elsewhere")
				if r.Body != nil {
					if b, err := io.ReadAll(r.Body); string(b) != tt.body || err != nil {
						t.Errorf("got %q, %v", b, err)
					}
				}
				return &message.Response{Status: 201}
			}
			f := filtertest.BuildEnv(t, env, "auditLog")
			x.Run(append([]filter.Filter{f, filtertest.BuildEnv(t, env, "auditLog")}, tt.filters...)...)
			if got := lines(); len(got) != 1 || got[0] != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAuditLogNothingSent(t *testing.T) {
	env, lines := auditEnv(t)
	x := filtertest.New(t)
	f := filtertest.BuildEnv(t, env, "auditLog")
	x.RunRequest(f)
	x.Result.Reason = message.ReasonClientGone
	f.(filter.Ender).End(x.Context)
	if got := lines(); len(got) != 1 || got[0] != `{"method":"GET","path":"/","status":499}` {
		t.Errorf("got %q", got)
	}
}

func TestAuditLogRotates(t *testing.T) {
	env, lines := auditEnv(t)
	f := filtertest.BuildEnv(t, env, "auditLog")
	for range 1000 {
		filtertest.New(t).Run(f)
	}
	if got := lines(); len(got) != 1000 {
		t.Errorf("%d lines", len(got))
	}
	filtertest.New(t).Run(f) // too late: dropped
	if got := lines(); len(got) != 1000 {
		t.Errorf("%d lines", len(got))
	}
}

func TestAuditLogUnwritable(t *testing.T) {
	dir := t.TempDir()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-audit-log=" + filepath.Join(dir, "gone", "audit.log")}); err != nil {
		t.Fatal(err)
	}
	build := func(env *filter.Env) error {
		_, err := filter.Lookup("auditLog").New(arg.Values{}, env)
		return err
	}
	if err := build(filter.NewEnv(set, nil)); err == nil || !strings.HasPrefix(err.Error(), "-audit-log: ") {
		t.Errorf("got %v", err)
	}
	// A file that cannot be written any more is said once.
	if err := os.Mkdir(filepath.Join(dir, "gone"), 0o700); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	env := filter.NewEnv(set, slog.New(slog.NewTextHandler(&log, nil)))
	f := filtertest.BuildEnv(t, env, "auditLog")
	if err := os.RemoveAll(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		filtertest.New(t).Run(f)
	}
	if err := env.Close(); err != nil {
		t.Error(err)
	}
	if strings.Count(log.String(), "audit log cannot be written") != 1 {
		t.Errorf("the log says %s", log.String())
	}
}

func BenchmarkAuditLog(b *testing.B) {
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-audit-log=" + os.DevNull}); err != nil {
		b.Fatal(err)
	}
	env := filter.NewEnv(set, nil)
	f := filtertest.BuildEnv(b, env, "auditLog")
	x := filtertest.New(b)
	b.ReportAllocs()
	for b.Loop() {
		x.Restart()
		x.RunRequest(f)
		x.RunEnd(f)
	}
	if err := env.Close(); err != nil {
		b.Error(err)
	}
}
