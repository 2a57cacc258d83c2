package eskip

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// typical returns a document of n routes as the Kubernetes conversion makes
// them.
func typical(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `kube_default__shop_%d__www_%d_example_org____api: Host("^(www-%d[.]example[.]org[.]?(:[0-9]+)?)$") && PathSubtree("/api/v%d")
  -> setRequestHeader("X-Shop", "shop-%d")
  -> backendTimeout("10s")
  -> <roundRobin, "http://10.2.%d.%d:8080", "http://10.3.%d.%d:8080">;
`, i, i, i, i%7, i, i/256%256, i%256, i/256%256, i%256)
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	text := typical(100_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if routes, err := Parse("routes.eskip", text); err != nil || len(routes) != 100_000 {
			b.Fatal(len(routes), err)
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	text := typical(100_000)
	routes := mustParse(b, text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := (Printer{}).Print(io.Discard, routes...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEqual(b *testing.B) {
	x, y := mustParse(b, typical(1))[0], mustParse(b, typical(1))[0]
	b.ReportAllocs()
	for b.Loop() {
		if !Equal(x, y) {
			b.Fatal("differ")
		}
	}
}

// TestParseAllocations bounds what a typical route costs: the route, its calls,
// their arguments and its endpoints, and a little for the list and the ids.
func TestParseAllocations(t *testing.T) {
	const n = 1000
	text := typical(n)
	per := testing.AllocsPerRun(5, func() {
		if _, err := Parse("f", text); err != nil {
			t.Fatal(err)
		}
	}) / n
	if per > 4.2 {
		t.Errorf("%.2f allocations per route, want at most 4.2", per)
	}
}
