package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "42 (a (b) c) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 30 20 20 0 1 0 12345 1 1"
	s, err := parseStat(42, []byte(line))
	if err != nil {
		t.Fatal(err)
	}
	want := stat{pid: 42, parent: 7, state: "S", started: "12345", cpu: 2500 * time.Millisecond}
	if s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	for _, bad := range []string{"", "42 (a) S 7", strings.Replace(line, "150", "x", 1), strings.Replace(line, "S 7", "S x", 1)} {
		if _, err := parseStat(42, []byte(bad)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

// TestStartMeasureStop runs a shell that starts a busy child.
func TestStartMeasureStop(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, err := Start(Command{
		Path: "/bin/sh", CPU: 0, Log: log,
		Args: []string{"-c", "(trap '' TERM; while :; do :; done) & echo started; wait"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	deadline := time.Now().Add(20 * time.Second)
	for {
		cpu, err := CPU(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		if cpu >= 100*time.Millisecond {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the child's CPU time was not counted")
		}
	}
	m, err := Memory(p.PID())
	if err != nil || m.PSS <= 0 || m.RSS < m.PSS || m.Peak < m.RSS {
		t.Errorf("memory %+v, error %v", m, err)
	}
	if err := ResetPeak(p.PID()); err != nil {
		t.Error(err)
	}
	family, err := tree(p.PID())
	if err != nil || len(family) != 2 {
		t.Fatalf("family %+v, error %v: want the shell and its child", family, err)
	}
	if err := p.Ended(); err != nil {
		t.Error(err)
	}
	p.Stop()
	for _, s := range family {
		if now, err := readStat(s.pid); err == nil && now.started == s.started && now.state != "Z" {
			t.Errorf("process %d is still there", s.pid)
		}
	}
	if err := p.Ended(); err == nil || !strings.Contains(err.Error(), "started") {
		t.Errorf("after the end: %v, want the log in it", err)
	}
}

func TestStartFails(t *testing.T) {
	if _, err := Start(Command{Path: "/no/such/program", Log: filepath.Join(t.TempDir(), "log"), CPU: -1}); err == nil {
		t.Error("no error for a program that does not exist")
	}
	if _, err := CPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := CPU(1 << 30); err == nil {
		t.Error("no error for a process that does not exist")
	}
}
