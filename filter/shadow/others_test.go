package shadow

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

func TestTeeLoopback(t *testing.T) {
	env, counts := newEnv(t)
	f := filtertest.BuildEnv(t, env, "teeLoopback", "blue")
	x := filtertest.Get(t, "/a?b")
	x.Request.Method, x.Request.Depth = "POST", 3
	x.Request.Header.Add("Cookie", "c=1")
	x.Request.SetBody(strings.NewReader("body"), 4)
	main := backend(x)
	type sent struct {
		Tee, Target, Cookie, Body string
		Length                    int64
		Depth                     int
	}
	got := make(chan sent, 1)
	x.Routes = func(_ context.Context, r *message.Request) (*message.Response, error) {
		b, err := io.ReadAll(r.Body)
		got <- sent{r.Tee, r.Method + r.Path + r.Query, r.Header.Get("Cookie"), string(b), r.ContentLength, r.Depth}
		return &message.Response{Status: 200, Body: strings.NewReader("dropped")}, err
	}
	x.Run(f)
	if d := cmp.Diff(sent{"blue", "POST/ab", "c=1", "body", 4, 3}, <-got); d != "" {
		t.Error(d)
	}
	if *main != "body" || x.Request.Tee != "" {
		t.Errorf("the exchange: %q, %q", *main, x.Request.Tee)
	}

	x = filtertest.Get(t, "/")
	x.Request.Tee = "blue"
	x.Routes = func(context.Context, *message.Request) (*message.Response, error) {
		t.Error("a shadow made another one")
		return nil, errors.New("no")
	}
	x.Run(f)

	x = filtertest.Get(t, "/")
	x.Request.Tee = "green"
	x.Routes = func(context.Context, *message.Request) (*message.Response, error) {
		return nil, errors.New("too many")
	}
	x.Run(f)
	eventually(t, "the failure is counted", func() bool { return counts.get("shadow.failed") == 1 })
	filtertest.Get(t, "/").Run(f) // no routes at all
}

func TestTeeResponse(t *testing.T) {
	srv, got := mirror(t)
	env, counts := newEnv(t)
	f := filtertest.BuildEnv(t, env, "teeResponse", srv.URL+"/answers?x=1")
	run := func(length int64, change func(*filtertest.Exchange)) *filtertest.Exchange {
		x := filtertest.Get(t, "/asked")
		x.Answer(200, "answer", "Content-Type", "text/plain", "Content-Encoding", "x", "Set-Cookie", "s=1")
		if change != nil {
			change(x)
		}
		answer := x.Backend
		x.Backend = func(r *message.Request) *message.Response {
			resp := answer(r)
			resp.ContentLength = length
			return resp
		}
		x.Run(f)
		return x
	}
	for _, length := range []int64{6, message.Unknown} {
		if body := run(length, nil).ResponseBody(); body != "answer" {
			t.Errorf("the client got %q", body)
		}
		s := <-got
		s.Header.Del("Content-Length")
		want := seen{
			Target: "POST /answers?x=1", Host: strings.TrimPrefix(srv.URL, "http://"), Body: "answer",
			Header: http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {"x"}, "X-Skipper-Shadow-Traffic": {"yes"}},
		}
		if d := cmp.Diff(want, s); d != "" {
			t.Error(d)
		}
	}
	for name, change := range map[string]func(*filtertest.Exchange){
		"HEAD":        func(x *filtertest.Exchange) { x.Request.Method = "HEAD" },
		"no body":     func(x *filtertest.Exchange) { x.Answer(204, "") },
		"of a shadow": func(x *filtertest.Exchange) { x.Request.Header.Add(marker, "yes") },
	} {
		run(message.Unknown, change)
		if n := counts.get("shadow.sent"); n != 2 {
			t.Errorf("%s: a shadow was sent", name)
		}
	}
	// Closed before its end: the client went away.
	x := run(6, nil)
	if err := x.Response.Body.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the failure is counted", func() bool { return counts.get("shadow.failed") == 1 })
}
