package cli

import (
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is `fairlead version`.
func (s *shell) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  none,
		RunE:  func(*cobra.Command, []string) error { return s.printVersion() },
	}
}

// printVersion prints the version, the commit and what the program was built
// with.
func (s *shell) printVersion() error {
	version, commit := s.Version, ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if version == "" {
			version = strings.Trim(info.Main.Version, "()")
		}
		for _, set := range info.Settings {
			if set.Key == "vcs.revision" {
				commit = ", commit " + set.Value
			}
		}
	}
	return s.printf("fairlead %s (%s %s/%s%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, commit)
}
