package cli

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"fairlead.dev/fairlead/option"
)

// LogOptions declares the options of the application log (spec 1.8).
var LogOptions = option.Define("log", LogValues{Prefix: "[APP]", Level: Level(slog.LevelInfo)})

// LogValues are the options of the application log.
type LogValues struct {
	File   string `flag:"application-log" type:"file name" doc:"where the application log goes; standard error by default"`
	Level  Level  `flag:"application-log-level" type:"log level" doc:"least important level that is logged: DEBUG, INFO, WARN, ERROR"`
	Prefix string `flag:"application-log-prefix" doc:"stands before each line of the application log, unless it is JSON"`
	JSON   bool   `flag:"application-log-json-enabled" doc:"write the application log as JSON"`
}

// Level is a log level by its usual names.
type Level slog.Level

// UnmarshalText reads DEBUG, INFO, WARN or ERROR in any case, and the further
// names that Skipper takes: TRACE, WARNING, FATAL, PANIC.
func (l *Level) UnmarshalText(text []byte) error {
	switch strings.ToUpper(string(text)) {
	case "TRACE", "DEBUG":
		*l = Level(slog.LevelDebug)
	case "INFO":
		*l = Level(slog.LevelInfo)
	case "WARN", "WARNING":
		*l = Level(slog.LevelWarn)
	case "ERROR", "FATAL", "PANIC":
		*l = Level(slog.LevelError)
	default:
		return fmt.Errorf("it is one of DEBUG, INFO, WARN, ERROR")
	}
	return nil
}

// MarshalText writes the level as UnmarshalText reads it.
func (l Level) MarshalText() ([]byte, error) { return []byte(slog.Level(l).String()), nil }

// newLog opens the application log. What it returns must be closed.
func (s *shell) newLog(v *LogValues) (*slog.Logger, io.Closer, error) {
	w, err := s.openLog(v.File)
	if err != nil {
		return nil, nil, fmt.Errorf("open the application log: %w", err)
	}
	o := &slog.HandlerOptions{Level: slog.Level(v.Level)}
	if v.JSON {
		return slog.New(slog.NewJSONHandler(w, o)), w, nil
	}
	return slog.New(slog.NewTextHandler(&prefixer{w: w, prefix: v.Prefix}, o)), w, nil
}

// openLog opens the log file. The names of the standard streams stand for the
// streams themselves: a process that is not root often may not open them again.
func (s *shell) openLog(name string) (io.WriteCloser, error) {
	switch name {
	case "", "/dev/stderr":
		return keepOpen{s.Stderr}, nil
	case "/dev/stdout":
		return keepOpen{s.Stdout}, nil
	}
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
}

// keepOpen is a stream that is not ours to close.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// prefixer puts a prefix before each line. slog writes a line in one call, one
// call at a time.
type prefixer struct {
	w      io.Writer
	prefix string
	line   bytes.Buffer
}

func (p *prefixer) Write(line []byte) (int, error) {
	if p.prefix == "" {
		return p.w.Write(line)
	}
	p.line.Reset()
	p.line.WriteString(p.prefix)
	p.line.Write(line)
	if _, err := p.w.Write(p.line.Bytes()); err != nil {
		return 0, err
	}
	return len(line), nil
}
