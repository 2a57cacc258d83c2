package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev/fairlead/option"
)

// Process is the world around one call: what the operating system gives.
type Process struct {
	// Args begin with the name the program was called by.
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// LookupEnv is os.LookupEnv.
	LookupEnv func(name string) (string, bool)
}

// OSProcess returns the world of this very process.
func OSProcess() Process {
	return Process{Args: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv}
}

// Program is what the commands run and do not put together themselves.
type Program struct {
	// Proxy serves until ctx ends, and then until its requests are done. The
	// cause of ctx names the signal.
	Proxy func(ctx context.Context, options *option.Set, log *slog.Logger) error
	// Demo serves a small example, explains on out what to try, and ends with
	// ctx.
	Demo func(ctx context.Context, out io.Writer, log *slog.Logger) error
	// Version overrides what the build knows of itself.
	Version string
}

// shell is what every command has at hand.
type shell struct {
	Process
	Program
	// name is how the program is called: fairlead, skipper or eskip.
	name string
}

// Main runs the command that p.Args ask for and returns the exit status.
func Main(p Process, prog Program) int {
	if len(p.Args) == 0 {
		p.Args = []string{"fairlead"}
	}
	s := &shell{Process: p, Program: prog}
	args := s.choose()
	var err error
	switch s.name {
	case "skipper":
		err = s.runProxy(context.Background(), args)
	case "eskip":
		err = s.execute(s.eskip(), args)
	default:
		err = s.execute(s.root(), args)
	}
	return s.exit(err)
}

// choose finds out which program is meant and returns its arguments. Manifests
// name it in the first argument, whatever the image's entry point is.
func (s *shell) choose() []string {
	args := s.Args[1:]
	s.name = programName(s.Args[0])
	if len(args) > 0 && args[0] != "fairlead" && !strings.ContainsRune(args[0], '/') {
		if n := programName(args[0]); n != "fairlead" {
			s.name, args = n, args[1:]
		}
	}
	return args
}

// programName returns the program that a file name stands for.
func programName(path string) string {
	switch n := strings.TrimSuffix(filepath.Base(path), ".exe"); n {
	case "skipper", "eskip":
		return n
	}
	return "fairlead"
}

// status is an error with an exit status of its own. Without an error inside,
// everything has been said already.
type status struct {
	code int
	err  error
}

func (s status) Error() string {
	if s.err == nil {
		return fmt.Sprintf("exit status %d", s.code)
	}
	return s.err.Error()
}

func (s status) Unwrap() error { return s.err }

// The exit statuses.
const (
	exitProblem = 1
	exitUsage   = 2
)

// quiet ends the program with a status and without a further word.
func quiet(code int) error { return status{code: code} }

// usage says that the command line is wrong.
func usage(format string, args ...any) error {
	return status{exitUsage, fmt.Errorf(format, args...)}
}

// exit reports err and returns the exit status.
func (s *shell) exit(err error) int {
	if err == nil {
		return 0
	}
	st := status{code: exitProblem, err: err}
	errors.As(err, &st)
	if st.err != nil {
		for _, line := range lines(err) {
			s.complain("%s: %s", s.name, line)
		}
	}
	return st.code
}

// lines takes joined errors apart, one per line.
func lines(err error) []string {
	return strings.Split(strings.TrimRight(err.Error(), "\n"), "\n")
}
