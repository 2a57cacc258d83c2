package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/kit/suggest"
	"fairlead.dev/fairlead/message"
)

// explain is `fairlead explain`.
func (s *shell) explain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [reason]",
		Short: "say what a reason in a reply, the log or the metrics means",
		Long: `Fairlead gives a reason whenever it answers a request itself or gives up on one.
The same name stands in the access log and in the metrics. This command says
what it means, what is usually behind it and what to do. Without a name it lists
all reasons.`,
		Example: `  fairlead explain
  fairlead explain dial-failed`,
		Args:              arguments(0, 1, "one reason"),
		ValidArgsFunction: completeReasons,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return s.listReasons()
			}
			r, ok := message.LookupReason(args[0])
			if !ok {
				return unknownReason(args[0])
			}
			return s.printf("%s (%d)\n  what happened:  %s\n  likely cause:   %s\n  what to do:     %s\n", r.Code(), r.Status(), r.Meaning(), r.Cause(), r.Next())
		},
	}
}

func (s *shell) listReasons() error {
	c := columnsOn(s.Stdout)
	c.row("REASON", "STATUS", "WHAT HAPPENED")
	for _, r := range message.Reasons() {
		c.row(r.Code(), strconv.Itoa(r.Status()), r.Meaning())
	}
	return c.flush()
}

func reasonCodes() []string {
	var codes []string
	for _, r := range message.Reasons() {
		codes = append(codes, r.Code())
	}
	return codes
}

func unknownReason(name string) error {
	if n := suggest.Nearest(name, reasonCodes()); n != "" {
		return fmt.Errorf("unknown reason %q, did you mean %q?", name, n)
	}
	return fmt.Errorf("unknown reason %q, `fairlead explain` lists all", name)
}

func completeReasons(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	for _, r := range message.Reasons() {
		offers = append(offers, cobra.CompletionWithDesc(r.Code(), r.Meaning()))
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}
