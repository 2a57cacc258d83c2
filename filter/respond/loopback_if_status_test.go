package respond_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

func TestLoopbackIfStatus(t *testing.T) {
	f := filtertest.Build(t, "loopbackIfStatus", 404, "/sorry here")
	for _, tt := range []struct {
		name, method string
		status       int
		err          error
		want         int
		body         string
		asked        string
	}{
		{"another status", "GET", 200, nil, 200, "backend", ""},
		{"GET", "GET", 404, nil, 203, "other", "GET /sorry%20here"},
		{"HEAD", "HEAD", 404, nil, 203, "other", "HEAD /sorry%20here"},
		{"POST", "POST", 404, nil, 203, "other", "GET /sorry%20here"},
		{"no answer", "GET", 404, errors.New("busy"), 404, "backend", "GET /sorry%20here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.Get(t, "/page?q=1")
			x.Request.Method, x.Request.Depth = tt.method, 2
			for _, name := range []string{"Accept", "Cookie", "Range", "If-None-Match", "Content-Type"} {
				x.Request.Header.Add(name, "x")
			}
			asked := ""
			x.Routes = func(_ context.Context, r *message.Request) (*message.Response, error) {
				asked = r.Method + " " + r.RawPath
				h := &r.Header
				if !h.Has("Accept") || !h.Has("Cookie") || h.Has("Range") || h.Has("If-None-Match") || h.Has("Content-Type") || r.Body != nil || r.Query != "q=1" || r.Depth != 2 {
					t.Errorf("asked with %+v", r)
				}
				if tt.err != nil {
					return nil, tt.err
				}
				return &message.Response{Status: 203, Body: io.NopCloser(strings.NewReader("other")), ContentLength: 5}, nil
			}
			old := &closing{Reader: strings.NewReader("backend")}
			x.Backend = func(*message.Request) *message.Response {
				return &message.Response{Status: tt.status, Body: old, ContentLength: 7}
			}
			x.Run(f)
			if asked != tt.asked || x.Response.Status != tt.want || x.ResponseBody() != tt.body || old.closed != 1 {
				t.Errorf("asked %q, answered %d, closed %d times", asked, x.Response.Status, old.closed)
			}
		})
	}
	if !f.(filter.ErrorHandler).HandlesErrors() {
		t.Error("failures are not replaced")
	}
	x := filtertest.Get(t, "/")
	x.Answer(404, "backend")
	if x.Run(f); x.ResponseBody() != "backend" {
		t.Error("replaced without routes")
	}
}

func TestLoopbackIfStatusWrong(t *testing.T) {
	for _, tt := range []struct {
		args []any
		want string
	}{
		{[]any{404}, "found 1 argument"},
		{[]any{99, "/x"}, "argument 1 (status)"},
		{[]any{"404", "/x"}, "argument 1 (status)"},
		{[]any{404, "sorry"}, `argument 2 (path): found "sorry", expected a path`},
		{[]any{404, ""}, `argument 2 (path): found ""`},
	} {
		if err := filtertest.BuildError(t, "loopbackIfStatus", tt.args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.args, err)
		}
	}
}

func BenchmarkLoopbackIfStatus(b *testing.B) {
	f := filtertest.Build(b, "loopbackIfStatus", 404, "/sorry")
	x := filtertest.Get(b, "/")
	x.Context.Response = &message.Response{Status: 200}
	b.ReportAllocs()
	for b.Loop() {
		f.Response(x.Context)
	}
}
