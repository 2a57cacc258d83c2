package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"fairlead.dev/fairlead/bench/drive"
	"fairlead.dev/fairlead/bench/peer"
)

// ProfileFiles are where the profiles go; a profiler that is not there, or
// that the proxy does not offer, leaves no file.
type ProfileFiles struct {
	CPU  string // of /debug/pprof/profile
	Heap string // of /debug/pprof/heap, at the end of the load
	Perf string // of perf record
}

// Profile runs one timed scenario and meanwhile records profiles of the proxy.
func (s *Suite) Profile(ctx context.Context, sc Scenario, p peer.Peer, files ProfileFiles) (*drive.Report, error) {
	if sc.sort != timed {
		return nil, errors.New("only timed scenarios can be profiled")
	}
	b, err := s.setUp(ctx, sc, p, true)
	if err != nil {
		return nil, err
	}
	defer b.tearDown()
	var wait sync.WaitGroup
	// The load warms up for a second; the profile lies inside what follows.
	wait.Go(func() {
		b.fetch(ctx, fmt.Sprintf("profile?seconds=%d", b.profileSeconds()), files.CPU, 1200*time.Millisecond)
	})
	wait.Go(func() { b.fetch(ctx, "heap", files.Heap, s.Duration) })
	wait.Go(func() { b.perf(ctx, files.Perf) })
	report, err := b.timed(ctx)
	wait.Wait()
	return report, err
}

func (b *bench) profileSeconds() int { return max(1, int(b.suite.Duration.Seconds()-0.5)) }

// fetch writes a profile of the support port to a file.
func (b *bench) fetch(ctx context.Context, what, file string, after time.Duration) {
	if pauseFor(ctx, after) != nil {
		return
	}
	if err := b.download(ctx, what, file); err != nil {
		fmt.Fprintf(b.suite.Say, "no profile %q: %v\n", what, err)
	}
}

func (b *bench) download(ctx context.Context, what, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/%s", b.setup.Support, what), nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, res.Body)
	return errors.Join(err, out.Close())
}

// perf records call stacks of the proxy with perf(1), when that is there.
func (b *bench) perf(ctx context.Context, file string) {
	path, err := exec.LookPath("perf")
	if err != nil || pauseFor(ctx, 1200*time.Millisecond) != nil {
		return
	}
	cmd := exec.CommandContext(ctx, path, "record", "-q", "-F", "1999", "-g", "-o", file,
		"-p", fmt.Sprint(b.proxy.PID()), "--", "sleep", fmt.Sprint(b.profileSeconds()))
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(b.suite.Say, "no perf profile: %v: %s\n", err, out)
	}
}
