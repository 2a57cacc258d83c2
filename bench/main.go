package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"fairlead.dev/fairlead/bench/peer"
	"fairlead.dev/fairlead/bench/result"
	"fairlead.dev/fairlead/bench/sock"
	"fairlead.dev/fairlead/bench/suite"
)

// options are the flags.
type options struct {
	scenarios, peers, json, markdown, from string
	profile, out, extra, cache             string
	rounds, proxyCPU, loadCPU              int
	seconds                                float64
	quick                                  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, readFlags()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func readFlags() options {
	var o options
	flag.StringVar(&o.scenarios, "scenarios", "", "`names`, separated by commas; empty: all ("+scenarioNames()+")")
	flag.StringVar(&o.peers, "peers", "", "`names`, separated by commas; empty: all ("+peerNames()+"); NAME-SUFFIX=PROGRAM is another build of one")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each peer is measured; the tables hold medians")
	flag.Float64Var(&o.seconds, "seconds", 5, "measured time of a timed run")
	flag.StringVar(&o.json, "json", "", "write the result to this `file`")
	flag.StringVar(&o.markdown, "markdown", "", "write the tables into this `file`, between its markers")
	flag.StringVar(&o.from, "from", "", "measure nothing, read the result from this `file`")
	flag.BoolVar(&o.quick, "quick", false, "1 round of 2 s with fairlead, nginx and haproxy")
	flag.StringVar(&o.profile, "profile", "", "run the scenarios with this `peer` under the profilers")
	flag.StringVar(&o.out, "out", ".", "`folder` for the profiles")
	flag.StringVar(&o.extra, "fairlead-args", "", "further arguments for fairlead, separated by spaces")
	flag.StringVar(&o.cache, "cache", "", "`folder` for programs that are built; empty: in the user's cache")
	flag.IntVar(&o.proxyCPU, "proxy-cpu", 0, "CPU of the proxy, -1: any")
	flag.IntVar(&o.loadCPU, "load-cpu", 1, "CPU of load and origin, -1: any")
	flag.Parse()
	return o
}

func run(ctx context.Context, o options) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if o.profile != "" {
		return profile(ctx, o)
	}
	var r *result.Result
	var err error
	if o.from != "" {
		r, err = result.Read(o.from)
	} else {
		r, err = measure(ctx, o)
	}
	if err != nil {
		return err
	}
	var tables strings.Builder
	if err := r.WriteTables(&tables); err != nil {
		return err
	}
	fmt.Println(tables.String())
	if o.json != "" && o.from == "" {
		err = r.Write(o.json)
	}
	if o.markdown != "" {
		err = errors.Join(err, result.Splice(o.markdown, tables.String()))
	}
	return err
}

// measure collects the peers and runs the scenarios.
func measure(ctx context.Context, o options) (*result.Result, error) {
	if o.quick {
		o.rounds, o.seconds = 1, 2
		if o.peers == "" {
			o.peers = "fairlead,nginx,nginx-tuned,haproxy,haproxy-splice"
		}
	}
	s, store, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &result.Result{
		Date: time.Now().Format("2006-01-02 15:04"), Machine: machine(), Kernel: kernel(), Go: runtime.Version(),
		Rounds: o.rounds, Seconds: o.seconds,
	}
	if s.Peers, r.Missing, err = findPeers(ctx, store, o.peers); err != nil {
		return nil, err
	}
	for _, p := range s.Peers {
		r.Peers = append(r.Peers, result.Peer{Name: p.Name, Version: p.Version})
	}
	for _, sc := range s.Scenarios {
		r.Scenarios = append(r.Scenarios, sc.Name)
	}
	r.Runs = s.Run(ctx)
	return r, ctx.Err()
}

// prepare builds the tools and fills in the suite, except its peers.
func prepare(ctx context.Context, o options) (*suite.Suite, *peer.Store, error) {
	if o.rounds < 1 || o.seconds <= 0 {
		return nil, nil, fmt.Errorf("%d rounds of %g s: both must be above 0", o.rounds, o.seconds)
	}
	if max(o.proxyCPU, o.loadCPU) >= runtime.NumCPU() {
		return nil, nil, fmt.Errorf("CPU %d is asked for and there are %d: see -proxy-cpu and -load-cpu", max(o.proxyCPU, o.loadCPU), runtime.NumCPU())
	}
	if err := sock.RaiseFileLimit(20000); err != nil {
		return nil, nil, err
	}
	scenarios, err := suite.Pick(o.scenarios)
	if err != nil {
		return nil, nil, err
	}
	store, err := newStore(ctx, o.cache)
	if err != nil {
		return nil, nil, err
	}
	s := &suite.Suite{
		Scenarios: scenarios, Rounds: o.rounds, Duration: time.Duration(o.seconds * float64(time.Second)),
		ProxyCPU: o.proxyCPU, LoadCPU: o.loadCPU, Extra: strings.Fields(o.extra), Say: os.Stderr,
	}
	if s.Load, err = store.Tool(ctx, "load"); err != nil {
		return nil, nil, err
	}
	s.Origin, err = store.Tool(ctx, "origin")
	return s, store, err
}

func newStore(ctx context.Context, cache string) (*peer.Store, error) {
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find cache folder: %w", err)
		}
		cache = filepath.Join(user, "fairlead-bench")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return nil, fmt.Errorf("find cache folder: %w", err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, fmt.Errorf("make cache folder: %w", err)
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("find the folder of this module: %w: run the command inside it", err)
	}
	dir := strings.TrimSpace(string(out))
	return &peer.Store{
		Cache: cache, Bench: dir, Fairlead: filepath.Dir(dir),
		Say: func(text string) { fmt.Fprintln(os.Stderr, text) },
	}, nil
}

// findPeers finds the programs; a peer that cannot be had is missing, unless
// none is left.
func findPeers(ctx context.Context, store *peer.Store, list string) (found []peer.Peer, missing []result.Peer, err error) {
	if list == "" {
		list = strings.ReplaceAll(peerNames(), ", ", ",")
	}
	for text := range strings.SplitSeq(list, ",") {
		kind, program, err := peer.Parse(text)
		if err != nil {
			return nil, nil, err
		}
		p := peer.Peer{Kind: kind, Path: program, Version: "(" + program + ")"}
		if program == "" {
			p.Path, p.Version, err = kind.Find(ctx, store)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "without %s: %v\n", kind.Name, err)
			missing = append(missing, result.Peer{Name: kind.Name, Reason: err.Error()})
			continue
		}
		found = append(found, p)
	}
	if len(found) == 0 {
		return nil, nil, errors.New("there is no proxy to measure")
	}
	return found, missing, nil
}

func scenarioNames() string {
	var names []string
	for _, s := range suite.Scenarios() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func peerNames() string {
	var names []string
	for _, k := range peer.All() {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// machine names the processor and the number of CPUs.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d CPUs", model, runtime.NumCPU())
}

func kernel() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "of unknown version"
	}
	return strings.TrimSpace(string(b))
}
