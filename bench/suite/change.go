package suite

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev/fairlead/bench/peer"
	"fairlead.dev/fairlead/bench/proc"
	"fairlead.dev/fairlead/bench/result"
)

// change takes up a proxy that has just loaded its table and changes one route
// of it.
func (b *bench) change(ctx context.Context) (*result.Change, error) {
	pid := b.proxy.PID()
	c := &result.Change{
		Routes:      b.setup.Routes.Hosts * len(b.setup.Routes.Paths),
		LoadSeconds: time.Since(b.started).Seconds(),
	}
	loaded, err := settle(ctx, pid)
	if err != nil {
		return nil, err
	}
	c.LoadCPU = loaded.cpu.Seconds()
	c.LoadPeak, c.Memory = loaded.memory.Peak, loaded.memory.PSS
	if loaded.processes > 1 {
		c.LoadPeak = 0 // the sum of the peaks would count shared pages twice
	}
	if err := proc.ResetPeak(pid); err != nil {
		return nil, err
	}
	each, err := b.askCost(ctx)
	if err != nil {
		return nil, err
	}
	quiet, err := proc.CPU(pid)
	if err != nil {
		return nil, err
	}
	b.setup.Routes.Changed = true
	if _, err := b.peer.Write(b.setup); err != nil {
		return nil, err
	}
	begin := time.Now()
	if b.peer.Reload != 0 {
		if err := b.proxy.Signal(b.peer.Reload); err != nil {
			return nil, fmt.Errorf("reload: %w", err)
		}
	}
	asked, peak, err := b.awaitChange(ctx)
	if err != nil {
		return nil, err
	}
	c.ChangeSeconds = time.Since(begin).Seconds()
	changed, err := settle(ctx, pid)
	if err != nil {
		return nil, err
	}
	c.ChangeCPU = max(0, (changed.cpu - quiet - time.Duration(asked)*each).Seconds())
	if changed.processes == 1 {
		peak = changed.memory.Peak - loaded.memory.RSS + loaded.memory.PSS
	}
	c.ChangeExtra = max(0, peak-c.Memory)
	return c, nil
}

// askCost is the CPU time that a question of [bench.awaitChange] costs.
func (b *bench) askCost(ctx context.Context) (time.Duration, error) {
	const questions = 500
	client := b.client()
	defer client.CloseIdleConnections()
	before, err := proc.CPU(b.proxy.PID())
	if err != nil {
		return 0, err
	}
	host, path := b.setup.Routes.Middle()
	for range questions {
		if _, err := b.ask(ctx, client, host, path); err != nil {
			return 0, err
		}
	}
	after, err := proc.CPU(b.proxy.PID())
	return (after - before) / questions, err
}

// awaitChange asks for the changed route until it answers in the new way. It
// returns the number of questions and the greatest proportional memory that it
// saw.
func (b *bench) awaitChange(ctx context.Context) (tries int, peak int64, err error) {
	host, path := b.setup.Routes.Middle()
	client := b.client()
	defer client.CloseIdleConnections()
	err = poll(ctx, time.Minute, 10*time.Millisecond, func() error {
		if err := b.proxy.Ended(); err != nil {
			return fatal{err}
		}
		tries++
		if b.peer.Reload != 0 { // old and new processes at the same time
			if m, err := proc.Memory(b.proxy.PID()); err == nil {
				peak = max(peak, m.PSS)
			}
		}
		served, err := b.ask(ctx, client, host, path)
		if err != nil {
			return err
		}
		if served != peer.Changed {
			return fmt.Errorf("the changed route answers X-Served %q, want %q", served, peer.Changed)
		}
		return nil
	})
	if m, memErr := proc.Memory(b.proxy.PID()); memErr == nil {
		peak = max(peak, m.PSS)
	}
	return tries, peak, err
}

// rest is a process that has come to rest.
type rest struct {
	cpu       time.Duration
	memory    proc.Usage
	processes int
}

// settle waits until a process uses less than 3 % of a CPU, at most 20 s.
func settle(ctx context.Context, pid int) (rest, error) {
	var r rest
	last, err := proc.CPU(pid)
	if err != nil {
		return r, err
	}
	for range 20 {
		if err := pauseFor(ctx, time.Second); err != nil {
			return r, err
		}
		if r.cpu, err = proc.CPU(pid); err != nil {
			return r, err
		}
		if r.cpu-last < 30*time.Millisecond {
			break
		}
		last = r.cpu
	}
	if r.processes, err = proc.Count(pid); err != nil {
		return r, err
	}
	r.memory, err = proc.Memory(pid)
	return r, err
}
