package suite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/bench/peer"
	"fairlead.dev/fairlead/bench/proc"
	"fairlead.dev/fairlead/bench/result"
)

// newSuite builds the tools and has netrp as its only peer.
func newSuite(t *testing.T) *Suite {
	t.Helper()
	bench, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	store := &peer.Store{Cache: t.TempDir(), Bench: bench, Fairlead: filepath.Dir(bench), Say: func(s string) { t.Log(s) }}
	s := &Suite{Rounds: 1, Duration: 300 * time.Millisecond, ProxyCPU: -1, LoadCPU: -1, Say: t.Output()}
	if s.Load, err = store.Tool(t.Context(), "load"); err != nil {
		t.Fatal(err)
	}
	if s.Origin, err = store.Tool(t.Context(), "origin"); err != nil {
		t.Fatal(err)
	}
	kind, _, err := peer.Parse("netrp")
	if err != nil {
		t.Fatal(err)
	}
	p := peer.Peer{Kind: kind}
	if p.Path, p.Version, err = kind.Find(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	s.Peers = []peer.Peer{p}
	return s
}

func pick(t *testing.T, names string) []Scenario {
	t.Helper()
	s, err := Pick(names)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTimedScenarios(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newSuite(t)
	s.Scenarios = pick(t, "small,medium,post,conn,routes,stream,rate,tls,handshake,handshake-rsa,h2,h2c,grpc")
	broken := s.Peers[0]
	broken.Name, broken.Path, broken.Only = "broken", "/bin/false", []string{"small"}
	s.Peers = append(s.Peers, broken)
	runs := s.Run(t.Context())
	if len(runs) != len(s.Scenarios)+1 {
		t.Fatalf("%d runs", len(runs))
	}
	for _, r := range runs {
		if r.Peer == "broken" {
			if !strings.Contains(r.Error, "process ended") {
				t.Errorf("a proxy that ends at once: error %q", r.Error)
			}
			continue
		}
		if r.Failed() || r.Load == nil || r.Load.Bytes == 0 || r.Load.ProxyCPU <= 0 || r.Round != 1 {
			t.Errorf("%+v, load %+v", r, r.Load)
		}
	}
	nothingLeft(t)
}

// nothingLeft checks the temporary folder of the test.
func nothingLeft(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "fairlead-bench-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestIdleScenario(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newSuite(t)
	for _, front := range []peer.Front{peer.Plain, peer.TLS} {
		s.Scenarios = []Scenario{{
			Name: "idle", path: "/", front: front, sort: idle, load: []string{"-mode=idle", "-c=200", "-d=0"},
			soon: 50 * time.Millisecond, later: 100 * time.Millisecond,
		}}
		r := s.Run(t.Context())[0]
		if r.Failed() || r.Idle == nil || r.Idle.Open != 200 || r.Idle.Soon <= r.Idle.Before || r.Load.Requests != 400 {
			t.Errorf("front %d: %+v, idle %+v, load %+v", front, r, r.Idle, r.Load)
		}
	}
	nothingLeft(t)
}

// TestWhoCannotIsSaidOnce has a peer that lacks TLS.
func TestWhoCannotIsSaidOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newSuite(t)
	s.Rounds = 2
	s.Scenarios = pick(t, "tls")
	poor := s.Peers[0]
	poor.Name = "poor"
	poor.Write = func(peer.Setup) (proc.Command, error) { return proc.Command{}, peer.Cannot("it has no TLS") }
	s.Peers = append(s.Peers, poor)
	runs := s.Run(t.Context())
	if len(runs) != 3 || runs[1].Cannot != "it has no TLS" || runs[1].Failed() || runs[2].Peer == "poor" {
		t.Errorf("%+v", runs)
	}
	nothingLeft(t)
}

func TestChangeScenario(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newSuite(t)
	kind, _, err := peer.Parse("haproxy")
	if err != nil {
		t.Fatal(err)
	}
	p := peer.Peer{Kind: kind, Path: "/usr/sbin/haproxy"}
	if _, err := os.Stat(p.Path); err != nil {
		t.Skip("haproxy is not installed")
	}
	s.Peers = []peer.Peer{p}
	s.Scenarios = []Scenario{{Name: "change", path: "/", sort: change, table: peer.Routes{Hosts: 5, Paths: peer.PathNames()}}}
	r := s.Run(t.Context())[0]
	if r.Failed() || r.Change == nil || r.Change.Routes != 20 || r.Change.LoadSeconds <= 0 || r.Change.Memory == 0 || r.Change.ChangeSeconds <= 0 {
		t.Errorf("%+v, change %+v", r, r.Change)
	}
	nothingLeft(t)
}

func TestCancelEndsEverything(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newSuite(t)
	s.Duration = time.Minute
	s.Scenarios = pick(t, "small")
	before, err := proc.Count(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	s.Run(ctx)
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it took %v to stop", d)
	}
	if after, err := proc.Count(os.Getpid()); err != nil || after > before {
		t.Errorf("%d processes after, %d before, %v", after, before, err)
	}
	nothingLeft(t)
}

func TestPick(t *testing.T) {
	if got := pick(t, ""); len(got) != len(Scenarios()) {
		t.Errorf("%d scenarios", len(got))
	}
	if _, err := Pick("small,unknown"); err == nil || !strings.Contains(err.Error(), `"unknown"`) {
		t.Errorf("error %v", err)
	}
}

func TestProfileNeedsATimedScenario(t *testing.T) {
	s := &Suite{}
	if _, err := s.Profile(t.Context(), pick(t, "idle")[0], peer.Peer{}, ProfileFiles{}); err == nil {
		t.Error("no error")
	}
}

func TestEverySectionHasAScenario(t *testing.T) {
	r := result.Result{}
	for _, sc := range Scenarios() {
		r.Runs = append(r.Runs, result.Run{Scenario: sc.Name, Peer: "p", Error: "no run"})
	}
	r.Peers = []result.Peer{{Name: "p"}}
	var b strings.Builder
	if err := r.WriteTables(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "### "); n != len(Scenarios()) {
		t.Errorf("%d tables for %d scenarios", n, len(Scenarios()))
	}
}
