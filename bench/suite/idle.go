package suite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"fairlead.dev/fairlead/bench/drive"
	"fairlead.dev/fairlead/bench/proc"
	"fairlead.dev/fairlead/bench/result"
)

// idle measures memory before, soon after and well after many connections
// became idle, then uses each of them again.
func (b *bench) idle(ctx context.Context) (*result.Idle, *drive.Report, error) {
	if _, err := b.drive(b.loadCommand(ctx, "/", "-mode=get", "-c=8", "-d=500ms", "-warmup=0")); err != nil {
		return nil, nil, err
	}
	before, err := proc.Memory(b.proxy.PID())
	if err != nil {
		return nil, nil, err
	}
	i := &result.Idle{Before: before.PSS}
	cmd := b.loadCommand(ctx, b.scenario.path, b.scenario.load...)
	cmd.Stderr = os.Stderr
	release, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start load: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start load: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start load: %w", err)
	}
	lines := bufio.NewScanner(stdout)
	err = b.hold(ctx, lines, i)
	release.Close()
	var report drive.Report
	if err == nil {
		if !lines.Scan() {
			err = errors.New("command load gave no report")
		} else if err = json.Unmarshal(lines.Bytes(), &report); err != nil {
			err = fmt.Errorf("read report: %w", err)
		}
	} else {
		cmd.Process.Kill()
	}
	cmd.Wait() // its status says what the report says
	if err == nil && report.Reconnects > 0 {
		err = fmt.Errorf("the proxy closed %d connections", report.Reconnects)
	}
	return i, &report, err
}

// hold measures between "ready" and the release.
func (b *bench) hold(ctx context.Context, lines *bufio.Scanner, i *result.Idle) error {
	if !lines.Scan() {
		return errors.New("the connections were not opened")
	}
	text, ok := strings.CutPrefix(lines.Text(), "ready ")
	if !ok {
		return fmt.Errorf("the connections were not opened: %q", lines.Text())
	}
	if _, err := fmt.Sscan(text, &i.Open); err != nil || i.Open == 0 {
		return fmt.Errorf("no connection was opened: %q", lines.Text())
	}
	if err := pauseFor(ctx, b.scenario.soon); err != nil {
		return err
	}
	soon, err := proc.Memory(b.proxy.PID())
	if err != nil {
		return err
	}
	cpu, err := proc.CPU(b.proxy.PID())
	if err != nil {
		return err
	}
	if err := pauseFor(ctx, b.scenario.later-b.scenario.soon); err != nil {
		return err
	}
	used, err := proc.CPU(b.proxy.PID())
	if err != nil {
		return err
	}
	later, err := proc.Memory(b.proxy.PID())
	i.Soon, i.Later = soon.PSS, later.PSS
	i.CPU = (used - cpu).Seconds() / (b.scenario.later - b.scenario.soon).Seconds()
	return err
}
