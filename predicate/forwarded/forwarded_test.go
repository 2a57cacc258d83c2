package forwarded

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestLast(t *testing.T) {
	for _, c := range []struct {
		fields string // separated by line ends
		want   string // "-" means none
	}{
		{"", "-"},
		{"host=a", "a"},
		{"HOST=a", "a"},
		{"host=a;proto=http", "a"},
		{"for=1.2.3.4;host=a;proto=http, host=b", "b"},
		{"host=a, for=1.2.3.4", "a"},
		{"host=a\nhost=b", "b"},
		{"host=a\nfor=x", "a"},
		{` host="a:80" ; proto=http`, "a:80"},
		{"host=a:80", "a:80"},
		{`host="a,host=b"`, "a,host=b"},
		{`host="a;b", host="c"`, "c"},
		{`host="a\"b"`, `a"b`},
		{`host="a\\"`, `a\`},
		{"host=", "-"},
		{`host="", for=x`, "-"},
		{"host=a;;,, for=x", "a"},
		{"xhost=a", "-"},
		{"host=a, host", "-"},
		{"host=a b", "-"},
		{"host =a", "-"},
		{"=a", "-"},
		{`host="a`, "-"},
		{`host="a\"`, "-"},
		{`host="a"b`, "-"},
		{`host="evil, host="good"`, "-"},
		{`host=a"b`, "-"},
		{`for="_x`, "-"},
	} {
		t.Run(c.fields, func(t *testing.T) {
			var h message.Header
			for f := range strings.SplitSeq(c.fields, "\n") {
				h.Add("forwarded", f)
			}
			got, ok := last(&h, "host")
			if !ok {
				got += "-"
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `ForwardedHost("^a[.]org$")`, Request: "GET /\nForwarded: host=b.org;proto=http, for=1.2.3.4;host=a.org", Matches: true},
		{Predicate: `ForwardedHost("^a[.]org$")`, Request: "GET /\nForwarded: host=a.org, host=b.org"},
		{Predicate: `ForwardedHost("^a[.]org:80$")`, Request: "GET /\nForwarded: host=\"a.org:80\"", Matches: true},
		{Predicate: `ForwardedHost("")`, Request: "GET /\nForwarded: for=1.2.3.4"},
		{Predicate: `ForwardedHost("")`, Request: "GET /"},
		{Predicate: `ForwardedProtocol("https")`, Request: "GET /\nForwarded: proto=http, proto=HTTPS", Matches: true},
		{Predicate: `ForwardedProtocol("http")`, Request: "GET /\nForwarded: proto=http, proto=https"},
		{Predicate: `ForwardedProtocol("http")`, Request: "GET /\nForwarded: host=http"},
		{Predicate: `ForwardedProtocol("http")`, Request: "GET /"},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`ForwardedHost("(")`:         "missing closing )",
		`ForwardedHost()`:            "found 0 arguments",
		`ForwardedProtocol("htpps")`: `found "htpps", did you mean "https"?`,
		`ForwardedProtocol("ws")`:    `found "ws", expected one of ["http" "https"]`,
	})
}

func FuzzLast(f *testing.F) {
	for _, s := range []string{"host=a", `for="x;y";host="a\"b", host=c`, `host="`, ",;host=a:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		var h message.Header
		h.Add("Forwarded", field)
		if _, ok := last(&h, "host"); !ok {
			return
		}
		// Whatever a client wrote before, what a proxy appends counts.
		h.Set("Forwarded", field+", host=proxy")
		if got, _ := last(&h, "host"); got != "proxy" {
			t.Fatalf("after %q: got %q", field, got)
		}
	})
}
