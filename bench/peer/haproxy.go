package peer

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"syscall"

	"fairlead.dev/fairlead/bench/proc"
)

// haproxy routes by a map file over host and path, the way its manual advises
// for many routes.
func haproxy() Kind { return haproxyKind("haproxy", "", "") }

// haproxySplice lets the kernel move response bodies, through pipes large
// enough to gain by it; only the large bodies do.
func haproxySplice() Kind {
	k := haproxyKind("haproxy-splice", "tune.pipesize 1048576\n", "option splice-response\n")
	k.Only = []string{"stream"}
	return k
}

func haproxyKind(name, global, defaults string) Kind {
	return Kind{
		Name:   name,
		Reload: syscall.SIGUSR2,
		Find: func(ctx context.Context, s *Store) (string, string, error) {
			return s.debian(ctx, "haproxy", "-v")
		},
		Write: func(s Setup) (proc.Command, error) {
			env, err := openSSL(s)
			if err != nil {
				return proc.Command{}, err
			}
			routes, err := s.write("routes.map", func(w *bufio.Writer) { haproxyMap(w, s) })
			if err != nil {
				return proc.Command{}, err
			}
			path, err := s.write("haproxy.cfg", func(w *bufio.Writer) { haproxyConfig(w, s, global, defaults, routes) })
			args := []string{"-q", "-f", path}
			if s.Reload {
				args = append(args, "-W")
			} else {
				args = append(args, "-db")
			}
			return proc.Command{Args: args, Env: env}, err
		},
	}
}

func haproxyMap(w *bufio.Writer, s Setup) {
	s.each("haproxy", func(r route) {
		backend := fmt.Sprintf("be%d", r.backend)
		if r.served == Changed {
			backend = Changed
		}
		fmt.Fprintf(w, "%s%s %s\n", r.host, r.path, backend)
	})
}

func haproxyConfig(w *bufio.Writer, s Setup, global, defaults, routes string) {
	fmt.Fprintf(w, `global
nbthread 1
no strict-limits
maxconn 14000
pidfile %s
%sdefaults
mode http
timeout connect 5s
timeout client 600s
timeout server 600s
timeout http-keep-alive 600s
timeout http-request 60s
http-reuse always
%sfrontend bench
bind 127.0.0.1:%d backlog 4096%s
maxconn 14000
http-request set-header X-Bench 1
`, filepath.Join(s.Dir, "haproxy.pid"), global, defaults, s.Port, haproxyFront(s))
	if s.Routes.Hosts > 0 {
		fmt.Fprintf(w, "use_backend %%[base,map_beg(%s,be0)]\n", routes)
	}
	fmt.Fprintln(w, "default_backend be0")
	proto := ""
	if s.Calls {
		proto = " proto h2"
	}
	for i, o := range s.Origins {
		fmt.Fprintf(w, "backend be%d\nhttp-response set-header X-Served haproxy\nserver s %s pool-purge-delay 600s%s\n", i, o, proto)
	}
	fmt.Fprintf(w, "backend %s\nhttp-response set-header X-Served %s\nserver s %s%s\n", Changed, Changed, s.Origins[0], proto)
}

// haproxyFront is what follows the address to bind to.
func haproxyFront(s Setup) string {
	switch s.Front {
	case TLS:
		return fmt.Sprintf(" ssl crt %s alpn h2,http/1.1 ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 curves X25519", s.Cert.Both)
	case H2C:
		return " proto h2"
	}
	return ""
}
