package accesslog

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/option"
)

const (
	// flushEvery is how long a line waits at most.
	flushEvery = 200 * time.Millisecond
	// flushAt is how many bytes are written without waiting for more.
	flushAt = 64 << 10
	// maxPending bounds the bytes that wait for the sink. A line is shorter: it
	// has nine fields of maxField, each byte of which takes six at most.
	maxPending = 1 << 20
	// keepBuffer is the largest line buffer that is used again.
	keepBuffer = 16 << 10
	// closeWithin is how long Close waits for the sink.
	closeWithin = 3 * time.Second
)

// Log writes access log lines. All methods may be called from any goroutine,
// and on nil, when nothing is logged.
type Log struct {
	disabled, json, stripQuery bool

	log    *slog.Logger
	seed   maphash.Seed
	stamps stamps
	lines  sync.Pool // of *[]byte

	mu      sync.Mutex // never held while writing to the sink
	pending buffer
	closed  bool
	dropped atomic.Uint64

	path  string               // to open again; "" when the sink is not ours
	next  atomic.Pointer[sink] // the sink that Reopen made
	wake  chan struct{}        // there is something to do
	full  chan struct{}        // there is enough to write at once
	stop  chan struct{}        // closed by Close
	ended chan struct{}        // closed when run has ended
	sink  *sink                // of run; Close uses it when run does not end
}

// buffer is text and the number of lines in it.
type buffer struct {
	text  []byte
	lines uint64
}

// sink is where lines go.
type sink struct {
	io.Writer
	io.Closer // nil when it is not ours
}

func (s *sink) close() error {
	if s.Closer == nil {
		return nil
	}
	return s.Closer.Close()
}

// Open returns the log that the options ask for. The error says which file
// cannot be opened and why. Close must be called.
func Open(set *option.Set, log *slog.Logger) (*Log, error) {
	v := Options.From(set)
	s, path, err := openSink(v.File)
	if err != nil {
		return nil, fmt.Errorf("option -access-log: %w", err)
	}
	return start(s, path, *v, log), nil
}

// New returns a log that writes to w, with the other settings of v. w is not
// closed. Close must be called.
func New(w io.Writer, v Values, log *slog.Logger) *Log {
	return start(&sink{Writer: w}, "", v, log)
}

func openSink(file string) (s *sink, path string, err error) {
	switch file {
	case "", "/dev/stderr":
		return &sink{Writer: os.Stderr}, "", nil
	case "/dev/stdout":
		return &sink{Writer: os.Stdout}, "", nil
	}
	s, err = openFile(file)
	return s, file, err
}

func openFile(path string) (*sink, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	return &sink{Writer: f, Closer: f}, nil
}

func start(s *sink, path string, v Values, log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &Log{
		disabled: v.Disabled, json: v.JSON, stripQuery: v.StripQuery,
		log: log, seed: maphash.MakeSeed(), path: path, sink: s,
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	l.lines.New = func() any { return new(make([]byte, 0, 512)) }
	go l.run()
	return l
}

// Write logs e. It neither blocks nor keeps anything of e.
func (l *Log) Write(e *Entry) {
	if l == nil {
		return
	}
	buf := l.lines.Get().(*[]byte)
	*buf = l.line((*buf)[:0], e)
	l.append(*buf)
	if cap(*buf) <= keepBuffer {
		l.lines.Put(buf)
	}
}

func (l *Log) append(line []byte) {
	l.mu.Lock()
	before := len(l.pending.text)
	if l.closed || before+len(line) > maxPending {
		l.mu.Unlock()
		l.dropped.Add(1)
		return
	}
	l.pending.text = append(l.pending.text, line...)
	l.pending.lines++
	l.mu.Unlock()
	if before == 0 {
		signal(l.wake)
	}
	after := before + len(line)
	if before/flushAt == after/flushAt {
		return
	}
	signal(l.full)
	if after >= maxPending/2 {
		// Callers that never wait for anything can keep run from running.
		runtime.Gosched()
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped returns how many lines were lost because the sink was blocked or
// failed.
func (l *Log) Dropped() uint64 {
	if l == nil {
		return 0
	}
	return l.dropped.Load()
}

// Reopen opens the file again, after somebody moved it away. When that fails
// the open one stays in use.
func (l *Log) Reopen() error {
	if l == nil || l.path == "" {
		return nil
	}
	s, err := openFile(l.path)
	if err != nil {
		return fmt.Errorf("reopen access log: %w", err)
	}
	if old := l.next.Swap(s); old != nil {
		err = old.close() // nobody came to use it
	}
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		<-l.ended
		if unused := l.next.Swap(nil); unused != nil {
			err = unused.close()
		}
	}
	signal(l.wake)
	signal(l.full)
	return err
}

var errBlocked = errors.New("the sink takes nothing")

// Close writes what is pending and closes the file. It waits for a blocked
// sink a few seconds only; the error then says so. Lines that are written
// afterwards are dropped.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	if already {
		return nil
	}
	close(l.stop)
	late := time.NewTimer(closeWithin)
	defer late.Stop()
	select {
	case <-l.ended:
		return l.sink.close()
	case <-late.C:
		return fmt.Errorf("close access log: %w for %s", errBlocked, closeWithin)
	}
}
