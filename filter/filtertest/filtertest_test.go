package filtertest_test

import (
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

// recording writes down which of its phases run.
type recording struct {
	name   string
	phases filter.Phase
	serves bool
	log    *[]string
}

func (r *recording) Request(c *filter.Context) {
	*r.log = append(*r.log, r.name+" down")
	if r.serves {
		c.ServeText(404, "text/plain", "no")
	}
}

func (r *recording) Response(*filter.Context) { *r.log = append(*r.log, r.name+" up") }
func (r *recording) Phases() filter.Phase     { return r.phases }

func TestOrder(t *testing.T) {
	both := filter.InRequest | filter.InResponse
	for _, tt := range []struct {
		name      string
		serves    bool
		want      []string
		forwarded bool
		status    int
	}{
		{"forwarded", false, []string{"a down", "b down", "d down", "d up", "c up", "a up"}, true, 200},
		{"served by b", true, []string{"a down", "b down", "a up"}, false, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log []string
			x := filtertest.New(t)
			x.Run(
				&recording{"a", both, false, &log},
				&recording{"b", filter.InRequest, tt.serves, &log},
				&recording{"c", filter.InResponse, false, &log},
				&recording{"d", both, false, &log},
			)
			if !slices.Equal(log, tt.want) {
				t.Errorf("ran %q, want %q", log, tt.want)
			}
			if x.Forwarded != tt.forwarded || x.Response.Status != tt.status {
				t.Errorf("forwarded %v, status %d", x.Forwarded, x.Response.Status)
			}
		})
	}
}

func TestGet(t *testing.T) {
	x := filtertest.Get(t, "/a%20b?c=d")
	if x.Request.Path != "/a b" || x.Request.RawPath != "/a%20b" || x.Request.Query != "c=d" || x.Target() != "/a%20b?c=d" {
		t.Errorf("got %+v", x.Request)
	}
	if x.Original.Path != "/a b" || x.Original.Query != "c=d" {
		t.Errorf("original %+v", x.Original)
	}
}

func TestAnswer(t *testing.T) {
	x := filtertest.New(t)
	x.Answer(203, "body", "X-A", "1", "X-A", "2")
	x.Run()
	if got := filtertest.Fields(&x.Response.Header, "x-a"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("fields %q", got)
	}
	if x.Response.Status != 203 || x.Response.ContentLength != 4 || x.ResponseBody() != "body" {
		t.Errorf("got %+v", x.Response)
	}
}

var _ = filter.Define(filter.Def{
	Name:    "testOnly",
	Params:  []arg.Param{{Name: "header", Type: arg.Text}, {Name: "n", Type: arg.Int, Min: 1, Max: 2, Optional: true}},
	Doc:     "removes a header, for the tests of filtertest",
	Example: `* -> testOnly("X") -> <shunt>`,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return &dropping{name: v.Text(0), route: env.RouteID}, nil
	},
})

type dropping struct {
	filter.RequestOnly
	name, route string
}

func (d *dropping) Request(c *filter.Context) { c.Request.Header.Del(d.name) }

func TestBuild(t *testing.T) {
	d := filtertest.Build(t, "testOnly", "X-A", 1).(*dropping)
	if d.name != "X-A" || d.route == "" {
		t.Errorf("got %+v", d)
	}
	if err := filtertest.BuildError(t, "testOnly", "X-A", 3.0); !strings.Contains(err.Error(), "argument 2 (n)") {
		t.Errorf("got %v", err)
	}
	if _, err := filtertest.BuildCall(nil, eskip.Call{Name: "nobody"}); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("got %v", err)
	}
}

// Each run of Allocs starts from the request as it was.
func TestAllocs(t *testing.T) {
	x := filtertest.New(t)
	x.Request.Header.Add("X-A", "1")
	missing := 0
	check := filterFunc(func(c *filter.Context) {
		if !c.Request.Header.Has("X-A") || c.Request.Path != "/" {
			missing++
		}
		c.Request.SetPath("/changed")
	})
	if n := x.Allocs(check, &dropping{name: "X-A"}); n != 0 || missing != 0 {
		t.Errorf("%v allocations, %d runs began with the changed request", n, missing)
	}
	var kept []*message.Request
	if n := x.Allocs(filterFunc(func(*filter.Context) { kept = append(kept[:0], new(message.Request)) })); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}

type filterFunc func(*filter.Context)

func (f filterFunc) Request(c *filter.Context) { f(c) }
func (filterFunc) Response(*filter.Context)    {}
