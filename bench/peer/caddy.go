package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"

	"fairlead.dev/fairlead/bench/proc"
)

// object is a piece of Caddy's configuration.
type object map[string]any

// caddy is built from the module proxy with its standard modules.
func caddy() Kind {
	return Kind{
		Name: "caddy",
		Not:  []string{"change"},
		Find: func(ctx context.Context, s *Store) (string, string, error) {
			return s.module(ctx, "github.com/caddyserver/caddy/v2", "./cmd/caddy", "v2.11.9")
		},
		Write: func(s Setup) (proc.Command, error) {
			text, err := json.Marshal(caddyConfig(s))
			if err != nil {
				return proc.Command{}, fmt.Errorf("write configuration: %w", err)
			}
			path, err := s.write("caddy.json", func(w *bufio.Writer) { w.Write(text) })
			return proc.Command{
				Args: []string{"run", "--config", path},
				Env:  []string{"XDG_CONFIG_HOME=" + s.Dir, "XDG_DATA_HOME=" + s.Dir, "HOME=" + s.Dir},
			}, err
		},
	}
}

func caddyConfig(s Setup) object {
	transport := object{"protocol": "http", "keep_alive": object{"max_idle_conns_per_host": 1024}}
	if s.Calls {
		transport["versions"] = []string{"h2c"}
	}
	handle := make([][]object, len(s.Origins))
	for i, o := range s.Origins {
		handle[i] = []object{
			{"handler": "headers", "response": object{"deferred": true, "set": object{"X-Served": []string{"caddy"}}}},
			{
				"handler":   "reverse_proxy",
				"headers":   object{"request": object{"set": object{"X-Bench": []string{"1"}}}},
				"transport": transport,
				"upstreams": []object{{"dial": o}},
			},
		}
	}
	routes := []object{}
	s.each("caddy", func(r route) {
		routes = append(routes, object{
			"match":    []object{{"host": []string{r.host}, "path": []string{r.path + "*"}}},
			"handle":   handle[r.backend],
			"terminal": true,
		})
	})
	routes = append(routes, object{"handle": handle[0]})
	server := object{
		"listen":          []string{fmt.Sprintf("127.0.0.1:%d", s.Port)},
		"automatic_https": object{"disable": true},
		"idle_timeout":    "600s",
		"routes":          routes,
		"protocols":       []string{"h1", "h2", "h2c"},
	}
	apps := object{"http": object{"servers": object{"bench": server}}}
	if s.Front == TLS {
		server["tls_connection_policies"] = []object{{}}
		apps["tls"] = object{"certificates": object{"load_files": []object{{"certificate": s.Cert.Cert, "key": s.Cert.Key}}}}
	}
	return object{
		"admin":   object{"disabled": true},
		"logging": object{"logs": object{"default": object{"level": "ERROR"}}},
		"apps":    apps,
	}
}
