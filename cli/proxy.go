package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
)

const proxyHelp = `Serve HTTP: find the route of each request, apply its filters and forward it.

Options come from flags, from the environment (FAIRLEAD_ADDRESS for -address)
and from a YAML file (-config-file, with the names of flags as keys); flags win
over the environment, which wins over the file. A flag has one dash or two.

SIGTERM ends it when the requests are done, SIGHUP opens the log files anew, and
SIGUSR2 starts the program anew, which takes over the listening sockets: nobody
is refused, and if it cannot serve within -upgrade-timeout this one goes on.
` + "`fairlead options`" + ` lists all of them.`

const proxyExample = `  fairlead proxy -inline-routes '* -> inlineContent("Hello!") -> <shunt>'
  fairlead proxy -routes-file routes.eskip -address :8080
  FAIRLEAD_ADDRESS=:8080 fairlead proxy -routes-urls https://example.org/routes
  fairlead proxy -config-file fairlead.yaml -access-log-disabled`

// CommandOptions declares the options that the command line itself answers.
var CommandOptions = option.Define("command", CommandValues{})

// CommandValues are the options of the command line itself.
type CommandValues struct {
	Version bool `flag:"version" doc:"print the version and end"`
}

// proxy is `fairlead proxy`.
func (s *shell) proxy() *cobra.Command {
	return &cobra.Command{
		Use:                "proxy [flags]",
		Short:              "serve HTTP by the routes of files, URLs and flags",
		Long:               proxyHelp,
		Example:            proxyExample,
		DisableFlagParsing: true, // the flags are package option's
		ValidArgsFunction:  completeFlags,
		RunE:               func(c *cobra.Command, args []string) error { return s.runProxy(c.Context(), args) },
	}
}

// runProxy reads the options and serves until a signal comes.
func (s *shell) runProxy(ctx context.Context, args []string) error {
	l, err := option.Load(args, s.LookupEnv, readConfig)
	switch {
	case errors.Is(err, option.ErrHelp):
		return s.printf("%s\n\nExamples:\n%s\n", proxyHelp, strings.ReplaceAll(proxyExample, "fairlead proxy", s.command()))
	case err != nil:
		return status{exitUsage, err}
	case CommandOptions.From(l.Set).Version:
		return s.printVersion()
	case len(l.Rest) > 0:
		return unexpected(l.Rest)
	case s.Proxy == nil:
		return fmt.Errorf("this program was built without the proxy")
	}
	log, file, err := s.newLog(LogOptions.From(l.Set))
	if err != nil {
		return err
	}
	defer file.Close() // nobody is left to tell
	for _, w := range l.Warnings {
		log.Warn("option", "name", w.Option, "where", w.Where, "problem", w.Text)
	}
	return untilSignal(ctx, func(ctx context.Context) error { return s.Proxy(ctx, l.Set, log) })
}

// command is how the proxy is called.
func (s *shell) command() string {
	if s.name == "skipper" {
		return "skipper"
	}
	return "fairlead proxy"
}

// unexpected explains an argument that belongs to no flag: everything after it
// would be ignored.
func unexpected(rest []string) error {
	hint := ""
	if slices.Contains([]string{"true", "false"}, rest[0]) {
		hint = `: a bool flag takes its value with "=", as in -kubernetes=` + rest[0]
	}
	return usage("found the argument %q, expected a flag%s", rest[0], hint)
}

// untilSignal runs a part until it ends by itself or SIGINT or SIGTERM comes;
// then its context ends. A second signal ends the process at once.
func untilSignal(ctx context.Context, run func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	forget := context.AfterFunc(ctx, stop)
	defer forget()
	return run(ctx)
}

// maxConfig bounds the YAML file in bytes.
const maxConfig = 1 << 20

func readConfig(name string) ([]byte, error) { return readFile(name, maxConfig) }

// readFile reads a file that may have at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	return readAll(f, name, limit)
}

func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %q: it has more than %d bytes", name, limit)
	}
	return data, nil
}

// completeFlags offers the flags of the proxy.
func completeFlags(_ *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
	if !strings.HasPrefix(start, "-") {
		return nil, cobra.ShellCompDirectiveDefault // a value, perhaps a file
	}
	dashes := "-"
	if strings.HasPrefix(start, "--") {
		dashes = "--"
	}
	var offers []string
	for _, o := range option.NewSet().All() {
		offers = append(offers, cobra.CompletionWithDesc(dashes+o.Flag, o.Doc))
	}
	for _, p := range pending.Flags() {
		if !p.KeyOnly {
			offers = append(offers, cobra.CompletionWithDesc(dashes+p.Name, "no effect: "+p.Missing))
		}
	}
	offers = slices.DeleteFunc(offers, func(o string) bool { return !strings.HasPrefix(o, start) })
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// discard is a logger for commands that have nothing to log.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
