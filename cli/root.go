package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/kit/suggest"
)

// root is the tree of commands of fairlead.
func (s *shell) root() *cobra.Command {
	c := &cobra.Command{
		Use:   "fairlead",
		Short: "route HTTP requests to backends",
		Long: `Fairlead is an HTTP router and reverse proxy. Routes say which requests they
are for, what is changed on the way, and where the requests go:

  hello: Path("/hello") -> setResponseHeader("X-Hello", "yes") -> "http://127.0.0.1:8080";

Called by the names skipper or eskip it behaves as those programs.`,
		Example: `  fairlead demo                                  see it work, with what to try
  fairlead proxy -routes-file routes.eskip       serve on port 9090
  fairlead routes check routes.eskip             find mistakes before the proxy does
  fairlead routes match -routes routes.eskip http://example.org/hello
  fairlead explain no-route                      what an error of the proxy means`,
	}
	c.AddCommand(
		s.proxy(), s.demo(), s.routes(), s.filter(), s.predicate(),
		s.options(), s.explain(), s.version(), s.completion(), s.docs(),
	)
	c.Args = cobra.ArbitraryArgs
	version := c.Flags().Bool("version", false, "print the version")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *version {
			return s.printVersion()
		}
		return s.group(c, args)
	}
	return c
}

// usageTemplate is the library's own without what says the same twice.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} <command>{{else}}{{.UseLine}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags, with one dash or two:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

` + "`{{.CommandPath}} <command> -help`" + ` says more about a command.{{end}}
`

// execute runs a tree of commands.
func (s *shell) execute(c *cobra.Command, args []string) error {
	c.SilenceErrors, c.SilenceUsage = true, true
	c.CompletionOptions.DisableDefaultCmd = true
	c.SetUsageTemplate(usageTemplate)
	c.SetIn(s.Stdin)
	c.SetOut(s.Stdout)
	c.SetErr(s.Stderr)
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%s: %w, see `%s -help`", c.CommandPath(), err, c.CommandPath())
	})
	c.SetArgs(twoDashes(c, args))
	return c.ExecuteContext(context.Background())
}

// noun makes the parent of commands that share a noun.
func (s *shell) noun(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs, RunE: s.group}
	c.AddCommand(commands...)
	return c
}

// group is run when no command of the group was recognised.
func (s *shell) group(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	var known []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			known = append(known, sub.Name())
		}
	}
	if n := suggest.Nearest(args[0], known); n != "" {
		return usage("unknown command %q, did you mean `%s %s`?", args[0], c.CommandPath(), n)
	}
	return usage("unknown command %q, `%s` has %s", args[0], c.CommandPath(), strings.Join(known, ", "))
}

// twoDashes writes long flags with two dashes, as the library wants them: here
// -json and --json are the same. It does not touch the arguments of commands
// that read their flags themselves.
func twoDashes(root *cobra.Command, args []string) []string {
	c, _, err := root.Find(longOnly(args))
	if err != nil || c == nil || c.DisableFlagParsing {
		return args
	}
	c.InitDefaultHelpFlag() // so that -help is known
	out := append([]string(nil), args...)
	for i, a := range out {
		if a == "--" {
			break
		}
		name, ok := strings.CutPrefix(a, "-")
		if !ok || strings.HasPrefix(name, "-") {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		if len(name) > 1 && (c.Flags().Lookup(name) != nil || c.InheritedFlags().Lookup(name) != nil) {
			out[i] = "-" + a
		}
	}
	return out
}

// longOnly returns the words before the first flag: those that name a command.
func longOnly(args []string) []string {
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			return args[:i]
		}
	}
	return args
}

// arguments accepts from least to most arguments; most < 0 means any number.
// what says in words what is expected.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usage("%s: found %d arguments, expected %s", c.CommandPath(), len(args), what)
		}
		return nil
	}
}

func none(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s: found the argument %q, expected none", c.CommandPath(), args[0])
	}
	return nil
}
