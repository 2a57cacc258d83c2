package accesslog

import "time"

// run writes pending lines until Close. It alone uses the sink.
func (l *Log) run() {
	defer close(l.ended)
	f := flusher{log: l}
	wait := time.NewTimer(flushEvery)
	wait.Stop()
	for {
		select {
		case <-l.wake:
		case <-l.stop:
			f.flush()
			return
		}
		wait.Reset(flushEvery)
		select {
		case <-l.full:
		case <-wait.C:
		case <-l.stop:
		}
		wait.Stop()
		f.flush()
	}
}

// flusher is the state of run.
type flusher struct {
	log    *Log
	spare  []byte
	failed bool
}

// flush writes what is pending to the sink.
func (f *flusher) flush() {
	l := f.log
	if next := l.next.Swap(nil); next != nil {
		old := l.sink
		l.sink = next
		if err := old.close(); err != nil {
			l.log.Error("old access log was not closed", "err", err)
		}
	}
	l.mu.Lock()
	b := l.pending
	l.pending = buffer{text: f.spare[:0]}
	l.mu.Unlock()
	f.spare = b.text
	if len(b.text) == 0 {
		return
	}
	_, err := l.sink.Write(b.text)
	if err != nil {
		l.dropped.Add(b.lines)
	}
	f.report(err)
}

// report logs when the sink starts to fail and when it works again.
func (f *flusher) report(err error) {
	switch {
	case err != nil && !f.failed:
		f.log.log.Error("access log cannot be written, lines are lost until it can", "err", err)
	case err == nil && f.failed:
		f.log.log.Info("access log can be written again", "lost", f.log.Dropped())
	}
	f.failed = err != nil
}
