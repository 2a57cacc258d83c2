package drive

import (
	"syscall"
	"time"

	"fairlead.dev/fairlead/bench/proc"
)

// meter takes the CPU time of the proxy and of this process.
type meter struct {
	pid         int
	proxy, load time.Duration
}

func startMeter(pid int) (*meter, error) {
	m := &meter{pid: pid, load: ownCPU()}
	if pid == 0 {
		return m, nil
	}
	var err error
	m.proxy, err = proc.CPU(pid)
	return m, err
}

func (m *meter) read(r *Report) error {
	r.LoadCPU = (ownCPU() - m.load).Seconds()
	if m.pid == 0 {
		return nil
	}
	now, err := proc.CPU(m.pid)
	r.ProxyCPU = (now - m.proxy).Seconds()
	return err
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
