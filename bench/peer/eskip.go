package peer

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"regexp"
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
		Write: func(s Setup) (proc.Command, error) {
			return eskipCommand(s, "fairlead", "options", "proxy")
		},
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
			// Both sides of HTTP/2 with prior knowledge came together.
			if s.Calls && knows(s.Program, "-help", []string{"-enable-h2c-server"}) != nil {
				return proc.Command{}, Cannot("this version speaks no HTTP/2 to backends")
			}
			return eskipCommand(s, "skipper", "-help", "-wait-first-route-load", "-idle-conns-num=1024", "-application-log-level=ERROR")
		},
	}
}

// eskipCommand gives the program the flags of the setup if its list of flags,
// the output of a command, has them.
func eskipCommand(s Setup, name, list string, args ...string) (proc.Command, error) {
	front := eskipFront(s)
	if err := knows(s.Program, list, front); err != nil {
		return proc.Command{}, err
	}
	args = append(args, front...)
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

func eskipFront(s Setup) []string {
	switch s.Front {
	case TLS:
		return []string{"-tls-cert=" + s.Cert.Cert, "-tls-key=" + s.Cert.Key}
	case H2C:
		return []string{"-enable-h2c-server"}
	}
	return nil
}

// knows asks a program for its flags and says which of args it lacks.
func knows(program, list string, args []string) error {
	if len(args) == 0 {
		return nil
	}
	out, err := exec.Command(program, list).CombinedOutput()
	if len(out) == 0 {
		return fmt.Errorf("ask %q for its flags: %w", program, err)
	}
	for _, a := range args {
		name, _, _ := strings.Cut(a, "=")
		if !regexp.MustCompile(`(?m)^\s*` + name + `\b`).Match(out) {
			return Cannot("it has no flag " + name)
		}
	}
	return nil
}

// eskipRoutes writes hosts as Kubernetes ingress conversion does.
func eskipRoutes(w *bufio.Writer, s Setup, name string) {
	const filters = `setRequestHeader("X-Bench", "1") -> setResponseHeader("X-Served", %q) -> "%s://%s";` + "\n"
	scheme := "http"
	if s.Calls {
		scheme = "h2c"
	}
	fmt.Fprintf(w, "bench: * -> "+filters, name, scheme, s.Origins[0])
	s.each(name, func(r route) {
		fmt.Fprintf(w, `%s: Host("^(%s[.]?(:[0-9]+)?)$") && PathSubtree(%q) -> `+filters,
			r.id, strings.ReplaceAll(r.host, ".", "[.]"), r.path, r.served, scheme, s.Origins[r.backend])
	})
}
