package message

import (
	"net/url"
	"slices"
	"testing"
)

func TestQueryValues(t *testing.T) {
	for _, c := range []struct {
		query, key string
		want       []string
	}{
		{"", "a", nil},
		{"a=1", "a", []string{"1"}},
		{"a", "a", []string{""}},
		{"a=", "a", []string{""}},
		{"b=2&a=1&a=3", "a", []string{"1", "3"}},
		{"&&a=1&", "a", []string{"1"}},
		{"a=b=c", "a", []string{"b=c"}},
		{"a=x%20y+z%2B", "a", []string{"x y z+"}},
		{"%61=1", "a", []string{"1"}},
		{"a+b=1", "a b", []string{"1"}},
		{"A=1&aa=2", "a", nil},
		{"a=%zz&a=1", "a", []string{"1"}},
		{"a=%2", "a", nil},
		{"%6=1", "a", nil},
		{"a=1;b=2&a=3", "a", []string{"3"}},
		{"=1", "", []string{"1"}},
		{"a=1", "", nil},
	} {
		t.Run(c.query+" "+c.key, func(t *testing.T) {
			if got := slices.Collect(QueryValues(c.query, c.key)); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := QueryHas(c.query, c.key); got != (len(c.want) > 0) {
				t.Errorf("QueryHas is %v", got)
			}
		})
	}
}

func TestQueryAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		if v, ok := QueryValue("b=x+y&%61=1", "a"); !ok || v != "1" {
			t.Fatal(v, ok)
		}
		if !QueryHas("b=x+y&a=%20", "a") {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzQuery compares with net/url, which reads a query the same way.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"a=1", "a=%20&b;c", "+=%zz", "&&=", "%61=a%"} {
		f.Add(s, "a")
	}
	f.Fuzz(func(t *testing.T, query, key string) {
		theirs, _ := url.ParseQuery(query)
		if got := slices.Collect(QueryValues(query, key)); !slices.Equal(got, theirs[key]) {
			t.Errorf("%q of %q: got %q, net/url has %q", key, query, got, theirs[key])
		}
		if QueryHas(query, key) != theirs.Has(key) {
			t.Errorf("%q of %q: QueryHas differs from net/url", key, query)
		}
	})
}
