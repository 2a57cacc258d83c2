package cli_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"fairlead.dev/fairlead/cli"
	"fairlead.dev/fairlead/option"
)

// TestMain makes the test binary answer to the names of the program, so that
// scripts run the real command line in a process of its own.
func TestMain(m *testing.M) {
	run := func() { os.Exit(cli.Main(cli.OSProcess(), program())) }
	testscript.Main(leakChecked{m}, map[string]func(){
		"fairlead": run, "skipper": run, "eskip": run,
	})
}

// leakChecked fails the tests when they leave goroutines behind.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// program stands for the proxy: it says what it was given and serves nothing.
// The variable FAKE of the environment says how it ends: "wait" serves until a
// signal comes, "term" sends SIGTERM to itself, anything else is an error.
func program() cli.Program {
	return cli.Program{
		Version: "v0.0.0-test",
		Proxy: func(ctx context.Context, options *option.Set, log *slog.Logger) error {
			for _, o := range options.All() {
				if o.From != "" {
					fmt.Printf("%s=%s\n", o.Flag, o.Value)
				}
			}
			switch how := os.Getenv("FAKE"); how {
			case "":
				return nil
			case "wait", "term":
				return serve(ctx, log, how == "term")
			default:
				return fmt.Errorf("listen on %q: %s", ":1", how)
			}
		},
		Demo: func(_ context.Context, out io.Writer, _ *slog.Logger) error {
			_, err := fmt.Fprintln(out, "try this")
			return err
		},
	}
}

func serve(ctx context.Context, log *slog.Logger, term bool) error {
	log.Info("serving")
	if err := os.WriteFile("ready", nil, 0o600); err != nil {
		return err
	}
	if term {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
	}
	<-ctx.Done()
	log.Info("stopping", "cause", context.Cause(ctx))
	return nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each run takes a second longer
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await},
	})
}
