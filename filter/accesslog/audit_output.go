package accesslog

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"fairlead.dev/fairlead/filter"
)

// mostPending bounds the lines that wait to be written, in bytes.
const mostPending = 4 << 20

// auditOutput writes lines without making anybody wait: a goroutine does, as long
// as there are any. All filters of a process share one.
type auditOutput struct {
	file    string // "": standard error
	log     *slog.Logger
	dropped filter.Counter

	mu      sync.Mutex
	pending []byte
	writing bool // the goroutine runs
	closed  bool
	failed  bool // the last write did; it is said once
	wg      sync.WaitGroup
}

// check returns an error when the file cannot be written to.
func (o *auditOutput) check() error {
	w, err := o.open()
	if err != nil {
		return fmt.Errorf("-audit-log: %w", err)
	}
	return w.Close()
}

// stderr is not to be closed.
type stderr struct{ io.Writer }

func (stderr) Close() error { return nil }

// open opens the file anew, so that who rotates it needs to tell nobody.
func (o *auditOutput) open() (io.WriteCloser, error) {
	if o.file == "" {
		return stderr{os.Stderr}, nil
	}
	return os.OpenFile(o.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// add has a line written soon, or drops it when too much waits.
func (o *auditOutput) add(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.pending)+len(line) > mostPending {
		o.dropped.Add(1)
		return
	}
	o.pending = append(o.pending, line...)
	if !o.writing {
		o.writing = true
		o.wg.Go(o.run)
	}
}

// run writes what waits, until nothing does.
func (o *auditOutput) run() {
	var lines []byte
	for {
		o.mu.Lock()
		lines, o.pending = o.pending, lines[:0]
		o.writing = len(lines) > 0
		o.mu.Unlock()
		if len(lines) == 0 {
			return
		}
		o.report(o.write(lines))
	}
}

func (o *auditOutput) write(lines []byte) error {
	w, err := o.open()
	if err != nil {
		return err
	}
	if _, err := w.Write(lines); err != nil {
		_ = w.Close()
		return err
	}
	return w.Close()
}

// report says once that writing fails.
func (o *auditOutput) report(err error) {
	if err != nil && !o.failed {
		o.log.Error("audit log cannot be written, lines are lost", "error", err.Error())
	}
	o.failed = err != nil
}

// Close writes the rest.
func (o *auditOutput) Close() error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.wg.Wait()
	return nil
}
