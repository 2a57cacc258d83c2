package cli

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/option"
)

const optionsShowHelp = `Show what the proxy would run with, given the same flags, environment and YAML
file: every option that is not at its default, its value and where it comes
from. Secrets are not shown.

Usage:
  fairlead options show [flags of fairlead proxy]`

// optionsShow is `fairlead options show`.
func (s *shell) optionsShow() *cobra.Command {
	return &cobra.Command{
		Use:                "show [flags of fairlead proxy]",
		Short:              "show the options in force and where they come from",
		DisableFlagParsing: true,
		ValidArgsFunction:  completeFlags,
		RunE:               func(_ *cobra.Command, args []string) error { return s.showOptions(args) },
	}
}

func (s *shell) showOptions(args []string) error {
	l, err := option.Load(args, s.LookupEnv, readConfig)
	if errors.Is(err, option.ErrHelp) {
		return s.printf("%s\n", optionsShowHelp)
	}
	if err != nil {
		return status{exitUsage, err}
	}
	if len(l.Rest) > 0 {
		return unexpected(l.Rest)
	}
	c := columnsOn(s.Stdout)
	c.row("OPTION", "VALUE", "FROM")
	for _, o := range l.Set.All() {
		if o.From != "" {
			c.row(o.Flag, strconv.Quote(o.Value), o.From)
		}
	}
	if err := c.flush(); err != nil {
		return err
	}
	for _, warning := range l.Warnings {
		s.complain("%s: warning: %s", s.name, warning)
	}
	return nil
}
