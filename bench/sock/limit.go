package sock

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// RaiseFileLimit raises the number of open files of this process, and of those
// that it starts, to at least want; beyond the hard limit when it may.
func RaiseFileLimit(want uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("read open file limit: %w", err)
	}
	l.Cur, l.Max = max(want, l.Cur), max(want, l.Max)
	// Also when the limit is high enough: Go raises it at start for itself, and
	// hands the old one to children unless it was set by hand.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("raise open file limit to %d: %w (run as root or with a higher ulimit -n)", want, err)
	}
	return nil
}

// CPUs is a set of CPUs, one bit each.
type CPUs [16]uint64

// Pin binds the calling thread, and what it starts from now on, to one CPU. A
// negative number binds nothing.
func Pin(cpu int) error {
	if cpu < 0 {
		return nil
	}
	set, err := only(cpu)
	if err != nil {
		return err
	}
	return SetAffinity(set)
}

// PinProcess binds every thread of this process, those of the runtime with
// them, and what it starts from now on to one CPU. A negative number binds
// nothing.
func PinProcess(cpu int) error {
	if cpu < 0 {
		return nil
	}
	set, err := only(cpu)
	if err != nil {
		return err
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("pin to CPU %d: thread %q: %w", cpu, t.Name(), err)
		}
		if err := setAffinity(id, set); err != nil && !errors.Is(err, syscall.ESRCH) { // it may have ended
			return err
		}
	}
	return nil
}

func only(cpu int) (set CPUs, err error) {
	if cpu >= len(set)*64 {
		return set, fmt.Errorf("pin to CPU %d: at most %d are supported", cpu, len(set)*64)
	}
	set[cpu/64] = 1 << (cpu % 64)
	return set, nil
}

// SetAffinity binds the calling thread to a set of CPUs.
func SetAffinity(set CPUs) error { return setAffinity(0, set) }

func setAffinity(thread int, set CPUs) error {
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(thread), unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	if e != 0 {
		return fmt.Errorf("set CPU affinity: %w", e)
	}
	return nil
}

// Affinity is the set of CPUs that the calling thread may use.
func Affinity() (CPUs, error) {
	var set CPUs
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	if e != 0 {
		return set, fmt.Errorf("read CPU affinity: %w", e)
	}
	return set, nil
}

// PreciseTimers lets waits of the calling thread end within about a
// microsecond of their time instead of 50.
func PreciseTimers() {
	const prSetTimerSlack = 29
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, 1, 0)
}
