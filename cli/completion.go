package cli

import (
	"github.com/spf13/cobra"
)

// completion is `fairlead completion`.
func (s *shell) completion() *cobra.Command {
	c := &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "print the script that teaches a shell to complete commands and flags",
		Example: `  source <(fairlead completion bash)
  fairlead completion zsh > "${fpath[1]}/_fairlead"
  fairlead completion fish > ~/.config/fish/completions/fairlead.fish`,
		Args:      arguments(1, 1, "bash, zsh or fish"),
		ValidArgs: []string{"bash", "zsh", "fish"},
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		root := c.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(s.Stdout, true)
		case "zsh":
			return root.GenZshCompletion(s.Stdout)
		case "fish":
			return root.GenFishCompletion(s.Stdout, true)
		}
		return usage("found the shell %q, expected bash, zsh or fish", args[0])
	}
	return c
}
