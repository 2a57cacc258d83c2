package result

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/fairlead/bench/drive"
)

func TestSample(t *testing.T) {
	for _, c := range []struct {
		s              sample
		median, spread float64
	}{
		{nil, 0, 0}, {sample{5}, 5, 0}, {sample{3, 1, 2}, 2, 1}, {sample{4, 1, 2, 3}, 2.5, 1.2},
	} {
		if m, s := c.s.median(), c.s.spread(); m != c.median || s != c.spread {
			t.Errorf("%v: median %v, spread %v; want %v, %v", c.s, m, s, c.median, c.spread)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// example has two good rounds of two peers, and one that fails.
func example() *Result {
	r := &Result{Date: "today", Machine: "M", Kernel: "6", Go: "go1", Rounds: 2, Seconds: 5,
		Peers:   []Peer{{Name: "fairlead", Version: "1"}, {Name: "nginx", Version: "2"}, {Name: "haproxy", Version: "3"}},
		Missing: []Peer{{Name: "caddy", Reason: "no network\nmore"}},
	}
	add := func(peer string, round int, requests uint64, errors map[string]int) {
		r.Runs = append(r.Runs, Run{Scenario: "small", Peer: peer, Round: round,
			Load: &drive.Report{Requests: requests, Seconds: 2, ProxyCPU: 1, Errors: errors}})
	}
	add("fairlead", 1, 120000, nil)
	add("fairlead", 2, 130000, nil)
	add("nginx", 1, 100000, nil)
	add("nginx", 2, 100000, nil)
	add("haproxy", 1, 50000, map[string]int{"timeout": 2})
	r.Runs = append(r.Runs,
		Run{Scenario: "small", Peer: "haproxy", Round: 2, Error: "did not start"},
		Run{Scenario: "small", Peer: "traefik", Round: 1, Cannot: "it has no such thing"},
		Run{Scenario: "idle", Peer: "nginx", Round: 1, Idle: &Idle{Open: 1024, Before: 1 << 20, Soon: 3 << 20, Later: 2 << 20, CPU: 0.5}},
		Run{Scenario: "change", Peer: "nginx", Round: 1, Change: &Change{LoadSeconds: 1.5, ChangeExtra: 7 << 20}})
	return r
}

func TestTables(t *testing.T) {
	var b strings.Builder
	if err := example().WriteTables(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| fairlead | 125,000 | 8 % | 1.25 | - | 8.01 | 50 % |",
		"| nginx | 100,000 | 0 % | 1.00 | - | 10.00 | 50 % |",
		"| haproxy (failed runs) | - |",
		"- haproxy, round 1: 2 wrong answers: map[timeout:2]",
		"- haproxy, round 2: did not start",
		"- traefik cannot: it has no such thing",
		"Not measured: caddy (no network).",
		"| nginx | 1 | 2.00 | 1.00 | 0.500 |",
		"| nginx | 1.50 | 0.00 | - | 0 | 0.000 | 0.000 | 7 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "100 MB answers") {
		t.Error("there is a table without a run")
	}
}

func TestWriteRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	want := example()
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var a, b strings.Builder
	want.WriteTables(&a)
	got.WriteTables(&b)
	if a.String() != b.String() {
		t.Errorf("tables differ:\n%s\n%s", a.String(), b.String())
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for a file that does not exist")
	}
}

func TestSplice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doc.md")
	doc := "before\n" + Begin + "\nold\n" + End + "\nafter\n"
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Splice(path, "\nnew\n"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if want := "before\n" + Begin + "\nnew\n" + End + "\nafter\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	for i, bad := range []string{"", Begin, End + Begin} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Splice(path, "new"); err == nil {
			t.Error(fmt.Sprint(i), "no error without markers")
		}
	}
}
