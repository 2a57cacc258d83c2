package query

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzRewrite has the standard library as second opinion.
func FuzzRewrite(f *testing.F) {
	for _, q := range []string{"", "a=1", "b=2&a=1&a=0", "k=1;x=2&k=%zz&a=1", "%6b=1&K=2", "=&&=1", "a+b=%C3%BC", "a%2&b=%", "~=%7e"} {
		f.Add(q, "k", "v w", true)
		f.Add(q, "a", "", false)
	}
	f.Fuzz(func(t *testing.T, query, key, value string, set bool) {
		if strings.Count(query, "&") > 9000 {
			t.Skip("the standard library gives up at 10000 parameters")
		}
		want, _ := url.ParseQuery(query)
		want.Del(key)
		var add *pair
		if set {
			want.Set(key, value)
			add = &pair{key, value, true}
		}
		if got := rewrite(query, key, add); got != want.Encode() {
			t.Errorf("rewrite(%q, %q, %v) = %q, want %q", query, key, set, got, want.Encode())
		}
	})
}
