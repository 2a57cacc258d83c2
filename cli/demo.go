package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/option"
)

// demo is `fairlead demo`.
func (s *shell) demo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "serve a small example and say what to try",
		Long: `Start two small backends and a proxy that splits the requests between them, all
in this process, and print the commands to try.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if s.Demo == nil {
				return fmt.Errorf("this program was built without the demo")
			}
			log, file, err := s.newLog(LogOptions.From(option.NewSet()))
			if err != nil {
				return err
			}
			defer file.Close() // nobody is left to tell
			return untilSignal(c.Context(), func(ctx context.Context) error { return s.Demo(ctx, s.Stdout, log) })
		},
	}
}
