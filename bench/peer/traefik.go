package peer

import (
	"bufio"
	"context"
	"fmt"

	"fairlead.dev/fairlead/bench/proc"
)

// traefik is built from the module proxy, without its dashboard.
func traefik() Kind {
	return Kind{
		Name: "traefik",
		Not:  []string{"change"},
		Find: func(ctx context.Context, s *Store) (string, string, error) {
			return s.module(ctx, "github.com/traefik/traefik/v3", "./cmd/traefik", "v3.5.3")
		},
		Write: func(s Setup) (proc.Command, error) {
			path, err := s.write("dynamic.yaml", func(w *bufio.Writer) { traefikConfig(w, s) })
			args := []string{
				fmt.Sprintf("--entryPoints.web.address=127.0.0.1:%d", s.Port),
				"--entryPoints.web.transport.respondingTimeouts.idleTimeout=600s",
				"--providers.file.filename=" + path,
				"--serversTransport.maxIdleConnsPerHost=1024",
				"--global.checkNewVersion=false", "--global.sendAnonymousUsage=false",
				"--log.level=ERROR",
			}
			if s.Front == TLS {
				args = append(args, "--entryPoints.web.http.tls=true")
			}
			return proc.Command{Args: args}, err
		},
	}
}

func traefikConfig(w *bufio.Writer, s Setup) {
	scheme := "http"
	if s.Calls {
		scheme = "h2c"
	}
	if s.Front == TLS {
		fmt.Fprintf(w, "tls: {stores: {default: {defaultCertificate: {certFile: %s, keyFile: %s}}}}\n", s.Cert.Cert, s.Cert.Key)
	}
	fmt.Fprint(w, `http:
  middlewares:
    fields:
      headers:
        customRequestHeaders: {X-Bench: "1"}
        customResponseHeaders: {X-Served: traefik}
  services:
`)
	for i, o := range s.Origins {
		fmt.Fprintf(w, "    up%d: {loadBalancer: {servers: [{url: \"%s://%s\"}]}}\n", i, scheme, o)
	}
	const line = "    %s: {entryPoints: [web], rule: '%s', service: up%d, middlewares: [fields]}\n"
	fmt.Fprint(w, "  routers:\n")
	fmt.Fprintf(w, line, "bench", "PathPrefix(`/`)", 0)
	s.each("traefik", func(r route) {
		fmt.Fprintf(w, line, r.id, fmt.Sprintf("Host(`%s`) && PathPrefix(`%s`)", r.host, r.path), r.backend)
	})
}
