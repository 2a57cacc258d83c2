package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fairlead.dev/fairlead/bench/peer"
	"fairlead.dev/fairlead/bench/result"
	"fairlead.dev/fairlead/bench/suite"
)

// profile runs each scenario once with one peer under the profilers and says
// how to look at what they wrote.
func profile(ctx context.Context, o options) error {
	s, store, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	var missing []result.Peer
	if s.Peers, missing, err = findPeers(ctx, store, o.profile); err != nil {
		return err
	}
	if len(missing) > 0 || len(s.Peers) != 1 {
		return fmt.Errorf("profile %q: want one peer", o.profile)
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	for _, sc := range s.Scenarios {
		if err := profileOne(ctx, s, sc, s.Peers[0], o.out); err != nil {
			return err
		}
	}
	return nil
}

func profileOne(ctx context.Context, s *suite.Suite, sc suite.Scenario, p peer.Peer, out string) error {
	base := filepath.Join(out, p.Name+"-"+sc.Name)
	files := suite.ProfileFiles{CPU: base + ".pprof", Heap: base + ".heap.pprof", Perf: base + ".perf"}
	start := time.Now()
	report, err := s.Profile(ctx, sc, p, files)
	if err != nil {
		return fmt.Errorf("profile %s in %s: %w", p.Name, sc.Name, err)
	}
	if err := report.Print(os.Stdout); err != nil {
		return err
	}
	for _, look := range []struct{ file, command string }{
		{files.CPU, "go tool pprof -top -nodecount=40 " + p.Path},
		{files.Heap, "go tool pprof -top -sample_index=inuse_space " + p.Path},
		{files.Perf, "perf report --no-children -i"},
	} {
		if at, err := os.Stat(look.file); err == nil && at.ModTime().After(start) {
			fmt.Println(look.command, look.file)
		}
	}
	return nil
}
