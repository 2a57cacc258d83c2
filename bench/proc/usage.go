package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc/PID/stat: USER_HZ, 100 on every
// architecture that Go knows.
const tick = time.Second / 100

// CPU is the user and system time that a process, its descendants and the
// children they waited for have used.
func CPU(pid int) (time.Duration, error) {
	stats, err := tree(pid)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, s := range stats {
		sum += s.cpu
	}
	return sum, nil
}

// Usage is memory in bytes.
type Usage struct {
	PSS  int64 // proportional share of the resident pages
	RSS  int64
	Peak int64 // the sum of each process's greatest RSS
}

// Memory adds up the memory of a process and its descendants.
func Memory(pid int) (Usage, error) {
	stats, err := tree(pid)
	if err != nil {
		return Usage{}, err
	}
	var u Usage
	for _, s := range stats {
		rollup, err := readFields(s.pid, "smaps_rollup")
		if err != nil {
			return Usage{}, err
		}
		status, err := readFields(s.pid, "status")
		if err != nil {
			return Usage{}, err
		}
		u.PSS += rollup["Pss"]
		u.RSS += status["VmRSS"]
		u.Peak += status["VmHWM"]
	}
	return u, nil
}

// ResetPeak makes Peak of [Memory] count from now.
func ResetPeak(pid int) error {
	stats, err := tree(pid)
	if err != nil {
		return err
	}
	for _, s := range stats {
		if err := os.WriteFile(procFile(s.pid, "clear_refs"), []byte("5"), 0); err != nil {
			return fmt.Errorf("reset peak memory: %w", err)
		}
	}
	return nil
}

type stat struct {
	pid, parent int
	state       string // one letter, Z for a zombie
	started     string // ticks after boot
	cpu         time.Duration
}

// tree reads every process and keeps root and its descendants, root first.
func tree(root int) ([]stat, error) {
	top, err := readStat(root)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	children := map[int][]stat{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil { // it may have ended meanwhile
			children[s.parent] = append(children[s.parent], s)
		}
	}
	all := []stat{top}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i].pid]...)
	}
	return all, nil
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return stat{}, fmt.Errorf("read process %d: %w", pid, err)
	}
	return parseStat(pid, b)
}

// parseStat reads proc_pid_stat(5): the name in parentheses may hold anything,
// so the fields count from the last one.
func parseStat(pid int, b []byte) (stat, error) {
	end := bytes.LastIndexByte(b, ')')
	fields := strings.Fields(string(b[end+1:]))
	if end < 0 || len(fields) < 20 {
		return stat{}, fmt.Errorf("read process %d: unexpected content %q", pid, b)
	}
	s := stat{pid: pid, state: fields[0], started: fields[19]}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, fmt.Errorf("read process %d: parent %q: %w", pid, fields[1], err)
	}
	s.parent = parent
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("read process %d: CPU time %q: %w", pid, f, err)
		}
		s.cpu += time.Duration(n) * tick
	}
	return s, nil
}

// readFields reads the "Name: 123 kB" lines of a file, in bytes.
func readFields(pid int, name string) (map[string]int64, error) {
	b, err := os.ReadFile(procFile(pid, name))
	if err != nil {
		return nil, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	fields := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		kb, isSize := strings.CutSuffix(strings.TrimSpace(value), " kB")
		if !ok || !isSize {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(kb), 10, 64)
		if err == nil {
			fields[key] = n << 10
		}
	}
	return fields, nil
}

func procFile(pid int, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }

// Count is the number of processes of the tree.
func Count(pid int) (int, error) {
	stats, err := tree(pid)
	return len(stats), err
}
