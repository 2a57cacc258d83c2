package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/bench/cert"
	"fairlead.dev/fairlead/bench/drive"
	"fairlead.dev/fairlead/bench/peer"
	"fairlead.dev/fairlead/bench/proc"
	"fairlead.dev/fairlead/bench/result"
)

// Suite is what to run and how.
type Suite struct {
	Scenarios []Scenario
	Peers     []peer.Peer
	Rounds    int
	Duration  time.Duration // measured time of a timed run
	ProxyCPU  int           // -1: any
	LoadCPU   int           // for load and origin, -1: any
	Load      string        // the program
	Origin    string        // the program
	Extra     []string      // further arguments of fairlead
	Say       io.Writer     // progress
}

// Run measures everything and returns the runs, also those that failed.
func (s *Suite) Run(ctx context.Context) []result.Run {
	var runs []result.Run
	for _, sc := range s.Scenarios {
		for round := 1; round <= s.Rounds; round++ {
			for _, p := range s.Peers {
				if !takesPart(p, sc) {
					continue
				}
				run := s.one(ctx, sc, p)
				if ctx.Err() != nil {
					return runs
				}
				run.Round = round
				if run.Cannot == "" || round == 1 { // it is said once
					runs = append(runs, run)
					fmt.Fprintln(s.Say, describe(run))
				}
			}
		}
	}
	return runs
}

func takesPart(p peer.Peer, sc Scenario) bool {
	return !slices.Contains(p.Not, sc.Name) && (len(p.Only) == 0 || slices.Contains(p.Only, sc.Name))
}

// one measures one peer in one scenario once.
func (s *Suite) one(ctx context.Context, sc Scenario, p peer.Peer) result.Run {
	run := result.Run{Scenario: sc.Name, Peer: p.Name}
	b, err := s.setUp(ctx, sc, p, false)
	if err == nil {
		defer b.tearDown()
		switch sc.sort {
		case idle:
			run.Idle, run.Load, err = b.idle(ctx)
		case change:
			run.Change, err = b.change(ctx)
		default:
			run.Load, err = b.timed(ctx)
		}
	}
	if cannot, ok := errors.AsType[peer.Cannot](err); ok {
		run.Cannot = cannot.Error()
	} else if err != nil {
		run.Error = err.Error()
	}
	return run
}

// bench is one proxy with its origin, ready to be measured.
type bench struct {
	suite    *Suite
	scenario Scenario
	peer     peer.Peer
	setup    peer.Setup
	origin   *proc.Process
	proxy    *proc.Process
	started  time.Time
}

// setUp starts origin and proxy; who gets a bench must tear it down.
func (s *Suite) setUp(ctx context.Context, sc Scenario, p peer.Peer, profile bool) (*bench, error) {
	dir, err := os.MkdirTemp("", "fairlead-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	b := &bench{suite: s, scenario: sc, peer: p}
	b.setup = peer.Setup{
		Program: p.Path, Dir: dir, Routes: sc.table, Reload: sc.sort == change, Profile: profile,
		Front: sc.front, Calls: sc.calls,
	}
	if p.FullTable {
		b.setup.Extra = s.Extra
		if sc.table.Hosts == 0 {
			b.setup.Routes = fullTable()
		}
	}
	if err := b.start(ctx); err != nil {
		b.tearDown()
		return nil, err
	}
	return b, nil
}

func (b *bench) start(ctx context.Context) error {
	if err := b.writeCert(); err != nil {
		return err
	}
	if err := b.startOrigin(ctx); err != nil {
		return err
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	b.setup.Port, b.setup.Support = ports[0], ports[1]
	cmd, err := b.peer.Write(b.setup)
	if err != nil {
		return err
	}
	cmd.Path, cmd.Dir, cmd.CPU, cmd.Log = b.peer.Path, b.setup.Dir, b.suite.ProxyCPU, filepath.Join(b.setup.Dir, "proxy.log")
	b.started = time.Now()
	b.proxy, err = proc.Start(cmd)
	if err != nil {
		return err
	}
	if b.setup.Reload {
		return b.awaitLive(ctx, 2*time.Minute)
	}
	return b.awaitLive(ctx, 30*time.Second)
}

// writeCert makes the certificate for a TLS front.
func (b *bench) writeCert() (err error) {
	if b.scenario.front == peer.TLS {
		b.setup.Cert, err = cert.Write(b.setup.Dir, cmp.Or(b.scenario.key, cert.ECDSA))
	}
	return err
}

// startOrigin starts the backend on four ports of its choice.
func (b *bench) startOrigin(ctx context.Context) error {
	log := filepath.Join(b.setup.Dir, "origin.log")
	origin, err := proc.Start(proc.Command{
		Path: b.suite.Origin, CPU: b.suite.LoadCPU, Log: log,
		Args: []string{"-listen=" + strings.Repeat("127.0.0.1:0,", 3) + "127.0.0.1:0"},
	})
	if err != nil {
		return err
	}
	b.origin = origin
	return poll(ctx, 10*time.Second, 10*time.Millisecond, func() error {
		if err := origin.Ended(); err != nil {
			return fatal{err}
		}
		text, err := os.ReadFile(log)
		if err != nil {
			return fatal{err}
		}
		list, ok := strings.CutPrefix(string(text), "listening ")
		if !ok || !strings.HasSuffix(list, "\n") {
			return errors.New("the origin does not listen")
		}
		b.setup.Origins = strings.Split(strings.TrimSpace(list), ",")
		return nil
	})
}

func (b *bench) tearDown() {
	for _, p := range []*proc.Process{b.proxy, b.origin} {
		if p != nil {
			p.Stop()
		}
	}
	if err := os.RemoveAll(b.setup.Dir); err != nil {
		fmt.Fprintln(b.suite.Say, "remove folder:", err)
	}
}

// freePorts asks the kernel for ports that nobody uses.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// loadCommand prepares command load against the proxy.
func (b *bench) loadCommand(ctx context.Context, path string, args ...string) *exec.Cmd {
	args = append([]string{
		"-json", "-url=" + b.url(path),
		fmt.Sprintf("-cpu=%d", b.suite.LoadCPU), fmt.Sprintf("-pid=%d", b.proxy.PID()),
	}, args...)
	return exec.CommandContext(ctx, b.suite.Load, args...)
}

// timed drives the load of the scenario for the duration.
func (b *bench) timed(ctx context.Context) (*drive.Report, error) {
	args := append([]string{"-d=" + b.suite.Duration.String(), "-warmup=1s"}, b.scenario.load...)
	return b.drive(b.loadCommand(ctx, b.scenario.path, args...))
}

// drive runs command load to its end. Wrong answers are in the report, not in
// the error.
func (b *bench) drive(cmd *exec.Cmd) (*drive.Report, error) {
	out, err := cmd.Output()
	var r drive.Report
	if json.Unmarshal(out, &r) == nil {
		return &r, nil
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("drive load: %w: %s; the proxy says: %s", err, exit.Stderr, b.proxy.LogTail())
	}
	return nil, fmt.Errorf("drive load: %w", err)
}

// describe is a line of progress.
func describe(r result.Run) string {
	text := fmt.Sprintf("%-13s %-14s round %d: ", r.Scenario, r.Peer, r.Round)
	switch {
	case r.Cannot != "":
		return text + "cannot: " + r.Cannot
	case r.Error != "":
		return text + "FAILED: " + r.Error
	case r.Idle != nil:
		text += fmt.Sprintf("%d open, %.2f KB each, later %.2f KB", r.Idle.Open,
			float64(r.Idle.Soon-r.Idle.Before)/1024/float64(r.Idle.Open), float64(r.Idle.Later-r.Idle.Before)/1024/float64(r.Idle.Open))
	case r.Change != nil:
		c := r.Change
		text += fmt.Sprintf("load %.2f s, %.2f CPU-s, %d MB; change %.3f s, %.3f CPU-s, %d MB extra", c.LoadSeconds, c.LoadCPU,
			c.Memory>>20, c.ChangeSeconds, c.ChangeCPU, c.ChangeExtra>>20)
	case r.Scenario == "stream":
		text += fmt.Sprintf("%.3f CPU-s a GB, %.2f GB/s", 1e9*r.Load.ProxyCPU/float64(max(r.Load.Bytes, 1)), float64(r.Load.Bytes)/1e9/r.Load.Seconds)
	default:
		text += fmt.Sprintf("%.0f requests per proxy-CPU-s, %.0f/s, %.0f %% busy, p50 %v p99 %v", r.Load.PerCPU(),
			float64(r.Load.Requests)/r.Load.Seconds, 100*r.Load.ProxyCPU/r.Load.Seconds,
			r.Load.P50.Round(10*time.Microsecond), r.Load.P99.Round(10*time.Microsecond))
	}
	if r.Load != nil && r.Load.Failed() > 0 {
		text += fmt.Sprintf(" ERRORS %v", r.Load.Errors)
	}
	return text
}
