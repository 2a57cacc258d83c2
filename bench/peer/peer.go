package peer

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"fairlead.dev/fairlead/bench/cert"
	"fairlead.dev/fairlead/bench/proc"
)

// Kind is one sort of proxy.
type Kind struct {
	Name string
	// Find returns the program, installing or building it when it must, and
	// its version.
	Find func(ctx context.Context, s *Store) (path, version string, err error)
	// Write writes the configuration and returns what to start, without the
	// program. A second call, after a change of the setup, rewrites the files
	// under a running proxy. The error is a [Cannot] when the proxy lacks what
	// the setup asks for.
	Write func(s Setup) (proc.Command, error)
	// Reload is the signal that makes it read its files again; 0: it notices.
	Reload syscall.Signal
	// FullTable says that 10,000 routes are loaded in every scenario.
	FullTable bool
	// Only names the scenarios it takes part in; empty: all.
	Only []string
	// Not names the scenarios it stays out of.
	Not []string
}

// All lists the kinds in the order of the tables.
func All() []Kind {
	return []Kind{fairlead(), nginx(), nginxTuned(), haproxy(), haproxySplice(), skipper(), traefik(), caddy(), netrp()}
}

// Peer is a kind with its program.
type Peer struct {
	Kind
	Path    string
	Version string
}

// Cannot says what a proxy lacks for a setup.
type Cannot string

func (c Cannot) Error() string { return string(c) }

// Front is what clients speak to the proxy.
type Front int

// The fronts there are.
const (
	Plain Front = iota // HTTP/1.1
	TLS                // HTTP/1.1 and HTTP/2 by ALPN, TLS 1.3
	H2C                // HTTP/2 with prior knowledge
)

// Setup says what one proxy process has to do.
type Setup struct {
	Program string     // that will be started, for those that ask it what it knows
	Front   Front      // what clients speak
	Cert    cert.Files // what it shows them, Front TLS
	Calls   bool       // the backends answer gRPC calls, over HTTP/2 with prior knowledge

	Dir     string   // folder for its files
	Port    int      // to listen on, 127.0.0.1
	Support int      // for metrics and profiles, 127.0.0.1
	Origins []string // ADDRESS:PORT of the backends; path number i goes to Origins[i%len]
	Routes  Routes   // besides the one route for everything else, which goes to Origins[0]
	Reload  bool     // the files will change while it runs
	Profile bool     // offer /debug/pprof on the support port
	Extra   []string // further arguments
}

// Routes are the host and path routes of a setup.
type Routes struct {
	Hosts   int
	Paths   []string
	Changed bool // the middle route answers X-Served: changed
}

// HostFormat makes the name of host number %d.
const HostFormat = "h%05d.bench.example"

// PathNames are the paths of every host.
func PathNames() []string { return []string{"/p0", "/p1", "/p2", "/p3"} }

// Changed is the value of X-Served that the changed route answers.
const Changed = "changed"

// Middle is the host and path of the route that changes.
func (r Routes) Middle() (host, path string) {
	return fmt.Sprintf(HostFormat, r.Hosts/2), r.Paths[len(r.Paths)/2]
}

// route is one host and path route.
type route struct {
	id, host, path string
	backend        int    // index of its origin
	served         string // value of X-Served
}

// each calls visit for every host and path route, host by host.
func (s Setup) each(name string, visit func(route)) {
	changedHost, changedPath := "", ""
	if s.Routes.Changed {
		changedHost, changedPath = s.Routes.Middle()
	}
	for h := range s.Routes.Hosts {
		host := fmt.Sprintf(HostFormat, h)
		for i, path := range s.Routes.Paths {
			r := route{id: fmt.Sprintf("r%05d_%d", h, i), host: host, path: path, backend: i % len(s.Origins), served: name}
			if host == changedHost && path == changedPath {
				r.served = Changed
			}
			visit(r)
		}
	}
}

// write replaces a file of the setup in one step and returns its path.
func (s Setup) write(name string, fill func(w *bufio.Writer)) (string, error) {
	path := filepath.Join(s.Dir, name)
	f, err := os.Create(path + ".new")
	if err != nil {
		return "", fmt.Errorf("write configuration: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	fill(w)
	err = w.Flush()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return "", fmt.Errorf("write configuration: %w", err)
	}
	return path, nil
}

// Parse finds the kind of "name" or "name=PROGRAM"; the name may be a kind's
// name with a suffix, as in "fairlead-old=/tmp/fairlead".
func Parse(text string) (kind Kind, program string, err error) {
	name, program, _ := strings.Cut(text, "=")
	best := Kind{}
	var names []string
	for _, k := range All() {
		names = append(names, k.Name)
		if (name == k.Name || strings.HasPrefix(name, k.Name+"-") && program != "") && len(k.Name) > len(best.Name) {
			best = k
		}
	}
	if best.Name == "" {
		return best, "", fmt.Errorf("unknown peer %q: known are %s; another build is NAME-SUFFIX=PROGRAM", name, strings.Join(names, ", "))
	}
	best.Name = name
	return best, program, nil
}
