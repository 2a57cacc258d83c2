package filter

import (
	"context"
	"io"
	"sync"
	"testing"

	"fairlead.dev/fairlead/message"
)

type testHost struct{ ctx context.Context }

func (h testHost) Context() context.Context { return h.ctx }

func (h testHost) Router() Router { return nil }

func TestKeys(t *testing.T) {
	a, b := NewKey[int]("same name"), NewKey[int]("same name")
	c := &Context{}
	c.Begin(&message.Request{}, nil)
	if v, ok := a.Get(c); ok {
		t.Errorf("found %d before it was set", v)
	}
	a.Set(c, 1)
	b.Set(c, 2)
	a.Set(c, 3)
	if v, ok := a.Get(c); v != 3 || !ok {
		t.Errorf("a is %d, %v", v, ok)
	}
	if v, ok := b.Get(c); v != 2 || !ok {
		t.Errorf("b is %d, %v", v, ok)
	}
	if a.String() != "same name" {
		t.Errorf("called %q", a)
	}
	c.Begin(&message.Request{}, nil)
	if v, ok := a.Get(c); ok {
		t.Errorf("%d survived the exchange", v)
	}
}

func TestContextBeginAndEnd(t *testing.T) {
	req := &message.Request{Method: "GET", Host: "h", Path: "/p", RawPath: "/p", Query: "q"}
	c := &Context{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.Begin(req, testHost{ctx})
	req.SetPath("/changed")
	if want := (Original{"GET", "h", "/p", "/p", "q"}); c.Original != want {
		t.Errorf("original %+v", c.Original)
	}
	if c.Context() != ctx {
		t.Error("the context is not that of the exchange")
	}
	c.Params = append(c.Params, message.Param{Name: "a", Value: "b"})
	c.Upstream.Host = "x"
	c.End()
	if c.Request != nil || len(c.Params) != 0 || c.Upstream != (Upstream{}) || c.Context() == nil {
		t.Errorf("left behind: %+v", c)
	}
}

func TestServeText(t *testing.T) {
	c := &Context{}
	c.Begin(&message.Request{}, nil)
	if c.Served() {
		t.Error("served before anybody answered")
	}
	c.ServeText(418, "text/plain", "tea")
	r := c.Response
	body, err := io.ReadAll(r.Body)
	if err != nil || string(body) != "tea" || r.Status != 418 || r.ContentLength != 3 || r.Header.Get("Content-Type") != "text/plain" || !c.Served() {
		t.Errorf("got %+v, %q, %v", r, body, err)
	}
	c.Resume()
	if c.Served() || c.Response != nil {
		t.Error("the answer outlives a loopback")
	}
	c.ServeText(204, "", "")
	if c.Response.Body != nil || c.Response.Header.Len() != 0 {
		t.Errorf("got %+v", c.Response)
	}
}

func TestEnvShared(t *testing.T) {
	env := NewEnv(nil, nil)
	type key struct{ n int }
	made := 0
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			v := env.ForRoute("r").Shared(key{i % 2}, func() any {
				made++
				return i % 2
			})
			if v != i%2 {
				t.Errorf("got %v for %d", v, i%2)
			}
		})
	}
	wg.Wait()
	if made != 2 {
		t.Errorf("made %d values, want 2", made)
	}
	if env.RouteID != "" || env.ForRoute("r").RouteID != "r" || env.Log == nil {
		t.Errorf("environment %+v", env)
	}
}

func TestPhases(t *testing.T) {
	if p := (RequestOnly{}).Phases(); p != InRequest {
		t.Errorf("RequestOnly: %d", p)
	}
	if p := (ResponseOnly{}).Phases(); p != InResponse {
		t.Errorf("ResponseOnly: %d", p)
	}
}

func TestDefinePanics(t *testing.T) {
	for name, d := range map[string]Def{"no doc": {Name: "x", Example: "x"}, "nothing": {}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			Define(d)
		}()
	}
}
