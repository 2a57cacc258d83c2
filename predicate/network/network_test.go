package network

import (
	"strconv"
	"strings"
	"testing"

	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestMatch(t *testing.T) {
	const remote = "\n:remote 9.9.9.9:1234"
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `Source("1.2.3.4")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4, 5.6.7.8" + remote, Matches: true},
		{Predicate: `Source("5.6.7.8")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4, 5.6.7.8" + remote},
		{Predicate: `Source("9.9.9.9")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4" + remote},
		{Predicate: `Source("9.9.9.9")`, Request: "GET /" + remote, Matches: true},
		{Predicate: `Source("9.9.9.9")`, Request: "GET /\nX-Forwarded-For: garbage" + remote},
		{Predicate: `Source("0.0.0.0/0", "::/0")`, Request: "GET /\nX-Forwarded-For: garbage" + remote},
		{Predicate: `Source("1.2.3.0/24")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4:5678" + remote, Matches: true},
		{Predicate: `Source("1.2.0.0/16", "10.0.0.0/8")`, Request: "GET /\nX-Forwarded-For: 10.200.0.1", Matches: true},
		{Predicate: `Source("1.2.0.0/16", "10.0.0.0/8")`, Request: "GET /\nX-Forwarded-For: 11.0.0.1"},
		{Predicate: `Source("10.0.0.1")`, Request: "GET /\nX-Forwarded-For: ::ffff:10.0.0.1", Matches: true},
		{Predicate: `Source("2001:db8::/32")`, Request: "GET /\nX-Forwarded-For: [2001:DB8::1]:443", Matches: true},
		{Predicate: `Source("fe80::/10")`, Request: "GET /\nX-Forwarded-For: fe80::1%eth0", Matches: true},
		{Predicate: `SourceFromLast("5.6.7.8")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4, 5.6.7.8" + remote, Matches: true},
		{Predicate: `SourceFromLast("1.2.3.4")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4, 5.6.7.8" + remote},
		{Predicate: `SourceFromLast("5.6.7.8")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4\nX-Forwarded-For: 9.9.9.9,5.6.7.8" + remote, Matches: true},
		{Predicate: `SourceFromLast("9.9.9.9")`, Request: "GET /" + remote, Matches: true},
		{Predicate: `SourceFromLast("9.9.9.9", "1.2.3.4")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4, unknown" + remote},
		{Predicate: `ClientIP("9.9.9.9")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4" + remote, Matches: true},
		{Predicate: `ClientIP("1.2.3.4")`, Request: "GET /\nX-Forwarded-For: 1.2.3.4" + remote},
		{Predicate: `ClientIP("9.9.9.0/24")`, Request: "GET /\n:remote [::ffff:9.9.9.9]:1", Matches: true},
		{Predicate: `ClientIP("::ffff:9.9.9.9")`, Request: "GET /" + remote, Matches: true},
		{Predicate: `ClientIP("fe80::1")`, Request: "GET /\n:remote [fe80::1%eth0]:1", Matches: true},
		{Predicate: `ClientIP("0.0.0.0/0", "::/0")`, Request: "GET /"},
	})
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Source()`:                      "found 0 arguments, expected (network...)",
		`Source("10.0.0.0/33")`:         `argument 1 (network): found "10.0.0.0/33", expected an IP address or a network`,
		`ClientIP("1.2.3.4", "host")`:   `argument 2 (network): found "host"`,
		`SourceFromLast("1.2.3.4", 10)`: "found the number 10",
	})
}

// A list as long as the address ranges of a cloud provider.
func BenchmarkSourceLongList(b *testing.B) {
	var networks []string
	for i := range 200 {
		for j := range 50 {
			networks = append(networks, `"`+strings.Join([]string{"10", strconv.Itoa(i), strconv.Itoa(j * 4), "0"}, ".")+`/23"`)
		}
	}
	p := predicatetest.New(b, "Source("+strings.Join(networks, ",")+")")
	req := predicatetest.Request(b, "GET /\nX-Forwarded-For: 10.150.100.7, 1.2.3.4")
	b.ReportAllocs()
	for b.Loop() {
		if !p.Match(req) {
			b.Fatal("no match")
		}
	}
}
