package peer

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"fairlead.dev/fairlead/bench/proc"
)

// fairlead is built from the tree this module lies in, every time.
func fairlead() Kind {
	return Kind{
		Name:      "fairlead",
		FullTable: true,
		Find: func(ctx context.Context, s *Store) (string, string, error) {
			return s.tree(ctx, s.Fairlead, "./cmd/fairlead", "fairlead")
		},
		Write: func(s Setup) (proc.Command, error) { return eskipCommand(s, "fairlead", "proxy") },
	}
}

// skipper comes from the module proxy.
func skipper() Kind {
	return Kind{
		Name: "skipper",
		Find: func(ctx context.Context, s *Store) (string, string, error) {
			return s.module(ctx, "github.com/zalando/skipper", "./cmd/skipper", "v0.27.0", "v0.25.0")
		},
		Write: func(s Setup) (proc.Command, error) {
			return eskipCommand(s, "skipper", "-wait-first-route-load", "-idle-conns-num=1024", "-application-log-level=ERROR")
		},
	}
}

func eskipCommand(s Setup, name string, args ...string) (proc.Command, error) {
	path, err := s.write("routes.eskip", func(w *bufio.Writer) { eskipRoutes(w, s, name) })
	args = append(args,
		fmt.Sprintf("-address=127.0.0.1:%d", s.Port),
		fmt.Sprintf("-support-listener=127.0.0.1:%d", s.Support),
		"-routes-file="+path, "-access-log-disabled")
	if s.Profile {
		args = append(args, "-enable-profile")
	}
	return proc.Command{Args: append(args, s.Extra...)}, err
}

// eskipRoutes writes hosts as Kubernetes ingress conversion does.
func eskipRoutes(w *bufio.Writer, s Setup, name string) {
	const filters = `setRequestHeader("X-Bench", "1") -> setResponseHeader("X-Served", %q) -> "http://%s";` + "\n"
	fmt.Fprintf(w, "bench: * -> "+filters, name, s.Origins[0])
	s.each(name, func(r route) {
		fmt.Fprintf(w, `%s: Host("^(%s[.]?(:[0-9]+)?)$") && PathSubtree(%q) -> `+filters,
			r.id, strings.ReplaceAll(r.host, ".", "[.]"), r.path, r.served, s.Origins[r.backend])
	})
}
