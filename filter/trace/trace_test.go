package trace_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/trace"
)

func TestTags(t *testing.T) {
	for _, tt := range []struct {
		calls [][]any
		want  []filter.Tag
	}{
		{[][]any{{"tracingTag", "a", "b"}}, []filter.Tag{{Key: "a", Value: "b"}}},
		{[][]any{{"tracingTag", "a", "${request.host}!"}}, []filter.Tag{{Key: "a", Value: "www.example.org!"}}},
		{[][]any{{"tracingTag", "a", "x${none}"}}, nil},
		{[][]any{{"tracingTag", "a", "${response.header.X-R}"}}, nil},
		{[][]any{{"tracingTag", "a", "1"}, {"tracingTag", "b", "2"}, {"tracingTag", "a", "3"}}, []filter.Tag{{Key: "a", Value: "3"}, {Key: "b", Value: "2"}}},
		{[][]any{{"tracingTagFromResponse", "a", "${response.header.X-R}"}}, []filter.Tag{{Key: "a", Value: "r"}}},
		{[][]any{{"tracingTagFromResponse", "a", "${response.header.X-None}"}}, nil},
		{[][]any{{"tracingTagFromResponseIfStatus", "a", "${response.header.X-R}", 404, 404}}, []filter.Tag{{Key: "a", Value: "r"}}},
		{[][]any{{"tracingTagFromResponseIfStatus", "a", "b", 400, 499}}, []filter.Tag{{Key: "a", Value: "b"}}},
		{[][]any{{"tracingTagFromResponseIfStatus", "a", "b", 405, 499}}, nil},
		{[][]any{{"tracingTagFromResponseIfStatus", "a", "b", 100, 403}}, nil},
		{[][]any{{"tracingBaggageToTag", "k"}}, []filter.Tag{{Key: "k", Value: "v 1"}}},
		{[][]any{{"tracingBaggageToTag", "k", "t"}}, []filter.Tag{{Key: "t", Value: "v 1"}}},
		{[][]any{{"tracingBaggageToTag", "none", "t"}, {"tracingBaggageToTag", "empty"}}, nil},
		{[][]any{{"stateBagToTag", "user"}}, []filter.Tag{{Key: "user", Value: "alice"}}},
		{[][]any{{"stateBagToTag", "user", "client.uid"}}, []filter.Tag{{Key: "client.uid", Value: "alice"}}},
		{[][]any{{"stateBagToTag", "none"}}, nil},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add("baggage", "k=v%201;p=q, empty=")
		x.Answer(404, "", "X-R", "r")
		filter.SetState(x.Context, "user", "alice")
		var all []filter.Filter
		for _, c := range tt.calls {
			all = append(all, filtertest.Build(t, c[0].(string), c[1:]...))
		}
		x.Run(all...)
		if d := cmp.Diff(tt.want, append([]filter.Tag(nil), x.Trace.Tags...)); d != "" {
			t.Errorf("%v: tags (-want +got)\n%s", tt.calls, d)
		}
	}
}

func TestSpanName(t *testing.T) {
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "tracingSpanName", "first"), filtertest.Build(t, "tracingSpanName", "last"))
	if x.Trace.SpanName != "last" {
		t.Errorf("span %q", x.Trace.SpanName)
	}
}

// Responses of Fairlead itself are tagged, too.
func TestErrors(t *testing.T) {
	if h, ok := filtertest.Build(t, "tracingTagFromResponse", "a", "b").(filter.ErrorHandler); !ok || !h.HandlesErrors() {
		t.Error("no tag for errors")
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"expected (name)", []any{"tracingSpanName"}},
		{`argument 1 (name): found ""`, []any{"tracingSpanName", ""}},
		{`argument 1 (tag): found ""`, []any{"tracingTag", "", "x"}},
		{"unknown placeholder", []any{"tracingTag", "a", "${request.b}"}},
		{"expected (tag, value)", []any{"tracingTagFromResponse", "a"}},
		{"argument 4 (greatest status): found 400, expected at least the least status, 500", []any{"tracingTagFromResponseIfStatus", "a", "b", 500, 400}},
		{"argument 3 (least status)", []any{"tracingTagFromResponseIfStatus", "a", "b", 99, 400}},
		{"argument 4 (greatest status)", []any{"tracingTagFromResponseIfStatus", "a", "b", 100, 1000}},
		{`argument 2 (tag): found ""`, []any{"tracingBaggageToTag", "a", ""}},
		{`argument 1 (key): found ""`, []any{"stateBagToTag", ""}},
		{"expected (key[, tag])", []any{"stateBagToTag", "a", "b", "c"}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, call := range [][]any{
		{"tracingSpanName", "a"}, {"tracingTag", "a", "${request.host}"}, {"tracingTagFromResponse", "a", "b"},
		{"tracingBaggageToTag", "k"}, {"stateBagToTag", "none"},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add("Baggage", "k=v")
		if n := x.Allocs(filtertest.Build(t, call[0].(string), call[1:]...)); n != 0 {
			t.Errorf("%v: %v allocations", call, n)
		}
	}
}
