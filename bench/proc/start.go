package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"fairlead.dev/fairlead/bench/sock"
)

// Command says what to start.
type Command struct {
	Path string
	Args []string
	Env  []string // added to the own environment
	Dir  string
	CPU  int    // the only CPU it may use, -1: any
	Log  string // file that takes standard output and error
}

// Process is a program that runs. Somebody must Stop it.
type Process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// Start starts a program; what it starts in turn inherits the CPU.
func Start(c Command) (*Process, error) {
	out, err := os.Create(c.Log)
	if err != nil {
		return nil, fmt.Errorf("start %q: %w", c.Path, err)
	}
	defer out.Close()
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, out, out
	cmd.Env = append(os.Environ(), c.Env...)
	if err := startOn(cmd, c.CPU); err != nil {
		return nil, fmt.Errorf("start %q: %w", c.Path, err)
	}
	p := &Process{cmd: cmd, log: c.Log, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		cmd.Wait() // how it ended is in cmd.ProcessState
	}()
	return p, nil
}

// startOn starts cmd while this thread is bound to the CPU, which the new
// process inherits from its first instruction on, as with taskset(1).
func startOn(cmd *exec.Cmd, cpu int) error {
	if cpu < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := sock.Affinity()
	if err != nil {
		return err
	}
	if err := sock.Pin(cpu); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), sock.SetAffinity(before))
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended says whether it ended by itself, with the end of what it logged.
func (p *Process) Ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("process ended (%v): %s", p.cmd.ProcessState, p.LogTail())
	default:
		return nil
	}
}

// Signal sends a signal to the process, not to its children.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// LogTail is the end of what the process logged.
func (p *Process) LogTail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-1000):])
}

// Stop ends the process and what it started: politely, after three seconds
// by force.
func (p *Process) Stop() {
	family, err := tree(p.PID())
	if err != nil {
		return // it has ended
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(3 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
	for _, child := range family[1:] {
		killOrphan(child)
	}
}

// killOrphan ends a child that outlived its parent. The start time tells it
// from a process that got the same id.
func killOrphan(child stat) {
	for i := range 50 {
		now, err := readStat(child.pid)
		if err != nil || now.started != child.started || now.state == "Z" {
			return
		}
		if i == 10 {
			syscall.Kill(child.pid, syscall.SIGKILL)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
