package peer

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"fairlead.dev/fairlead/bench/proc"
)

// netrp is the reference for what Go's own library does: command netrp of this
// module.
func netrp() Kind {
	return Kind{
		Name: "netrp",
		Not:  []string{"change"},
		Find: func(ctx context.Context, s *Store) (string, string, error) {
			return s.tree(ctx, s.Bench, "./netrp", "netrp")
		},
		Write: func(s Setup) (proc.Command, error) {
			path, err := s.write("routes.txt", func(w *bufio.Writer) {
				s.each("netrp", func(r route) { fmt.Fprintf(w, "%s%s %d\n", r.host, r.path, r.backend) })
			})
			args := []string{
				fmt.Sprintf("-listen=127.0.0.1:%d", s.Port), "-routes=" + path, "-origins=" + strings.Join(s.Origins, ","),
				fmt.Sprintf("-calls=%v", s.Calls),
			}
			if s.Front == TLS {
				args = append(args, "-cert="+s.Cert.Cert, "-key="+s.Cert.Key)
			}
			return proc.Command{Args: args, Env: []string{"GOGC=400"}}, err
		},
	}
}
