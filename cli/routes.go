package cli

import "github.com/spf13/cobra"

// routes is the parent of the commands about documents of the route language.
func (s *shell) routes() *cobra.Command {
	return s.noun("routes", "check, print, format, compare and try routes",
		s.routesCheck(), s.routesPrint(), s.routesFmt(), s.routesDiff(), s.routesMatch())
}
