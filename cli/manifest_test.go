package cli_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"fairlead.dev/fairlead/cli"
	"fairlead.dev/fairlead/option"
)

// call runs the command line in this process and returns what happened.
func call(args ...string) (status int, stdout, stderr string, served *option.Set) {
	var out, errs bytes.Buffer
	status = cli.Main(cli.Process{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		LookupEnv: func(string) (string, bool) { return "", false },
	}, cli.Program{
		Version: "test",
		Proxy: func(_ context.Context, s *option.Set, _ *slog.Logger) error {
			served = s
			return nil
		},
	})
	return status, out.String(), errs.String(), served
}

// common are the flags that all manifests of the guides share.
var common = []string{
	"-kubernetes", "-kubernetes-in-cluster", "-kubernetes-path-mode=path-prefix", "-address=:9999",
	"-wait-first-route-load", "-proxy-preserve-host", "-serve-host-metrics", "-enable-ratelimits",
	"-experimental-upgrade", "-metrics-exp-decay-sample", "-reverse-source-predicate",
	"-enable-connection-metrics", "-max-audit-body=0",
}

// manifests are the arguments of the manifests in the guides that the project
// started from, and the flags that their text tells to add.
var manifests = []struct {
	name string
	args []string
}{
	{"daemonset", append([]string{
		"-metrics-flavour=codahale,prometheus",
		"-histogram-metric-buckets=.01,.025,.05,.075,.1,.2,.3,.4,.5,.75,1,2,3,4,5,7,10,15,20,30,60,120,300,600",
	}, common...)},
	{"older daemonset", append([]string{"-lb-healthcheck-interval=3s", "-metrics-flavour=codahale,prometheus"}, common...)},
	{"hardened deployment", append([]string{
		"-disable-metrics-compat", "-enable-profile", "-metrics-flavour=prometheus",
		"-histogram-metric-buckets=.0001,.00025,.0005,.00075,.001,.0025,.005,.0075,.01,.025,.05,.075,.1,.2,.3,.4,.5,.75,1,2,3,4,5,7,10,15,20,30,60,120,300,600",
		"-expect-continue-timeout-backend=30s", "-keepalive-backend=30s", "-max-idle-connection-backend=0",
		"-response-header-timeout-backend=1m", "-timeout-backend=1m", "-tls-timeout-backend=1m",
		"-close-idle-conns-period=20s", "-idle-timeout-server=62s", "-read-timeout-server=5m", "-write-timeout-server=60s",
		`-default-filters-prepend=enableAccessLog(4,5) -> lifo(2000,20000,"3s")`,
	}, common...)},
	{"demo", []string{"-inline-routes", `* -> inlineContent("<body style='color: white; background-color: green;'><h1>Hello!</h1>") -> <shunt>`}},
	{"redirect", []string{"-kubernetes-https-redirect", "-kubernetes-https-redirect-code=308"}},
	{"endpoint slices", []string{"-enable-kubernetes-endpointslices=true"}},
	{"services only", []string{"-kubernetes-force-service"}},
	{"classes", []string{"-kubernetes-ingress-class=^(skipper|other)$", "-kubernetes-routegroup-class=internal", "-kubernetes-namespace=default"}},
	{"east-west", []string{"-enable-kubernetes-east-west"}},
	{"east-west range", []string{"-kubernetes-east-west-range-domains=skipper.cluster.local", `-kubernetes-east-west-range-predicates=ClientIP("10.2.0.0/16")`}},
	{"redis", []string{"-enable-swarm", "-enable-ratelimits", "-swarm-redis-urls=skipper-redis-0.skipper-redis.kube-system.svc.cluster.local:6379,skipper-redis-1.skipper-redis.kube-system.svc.cluster.local:6379"}},
	{"swim", []string{
		"-enable-swarm", "-swarm-port=9990", "-swarm-label-selector-key=application", "-swarm-label-selector-value=skipper-ingress",
		"-swarm-leave-timeout=5s", "-swarm-max-msg-buffer=4194304", "-swarm-namespace=kube-system",
	}},
	{"removed flag", []string{"-kubernetes-ingress-v1"}},
}

// TestManifests checks that every flag of the guides' manifests is accepted, by
// all ways in which the program may be named.
func TestManifests(t *testing.T) {
	for _, m := range manifests {
		t.Run(m.name, func(t *testing.T) {
			for _, name := range [][]string{{"/usr/bin/skipper"}, {"fairlead", "skipper"}, {"fairlead", "proxy"}} {
				status, _, stderr, served := call(append(name, m.args...)...)
				if status != 0 || served == nil {
					t.Fatalf("%q: status %d: %s", name, status, stderr)
				}
				given := map[string]bool{}
				for _, o := range served.All() {
					given[o.Flag] = o.From != ""
				}
				// What is given either has a value now or was warned about.
				for _, a := range m.args {
					flag, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
					if strings.HasPrefix(a, "-") && !given[flag] && !strings.Contains(stderr, "name="+flag+" ") {
						t.Errorf("%q: %s is neither set nor warned about", name, a)
					}
				}
			}
		})
	}
}

func TestMainWithoutPrograms(t *testing.T) {
	for _, args := range [][]string{{"fairlead", "proxy"}, {"fairlead", "demo"}} {
		var errs bytes.Buffer
		p := cli.Process{Args: args, Stdout: &errs, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }}
		if status := cli.Main(p, cli.Program{}); status != 1 || !strings.Contains(errs.String(), "built without") {
			t.Errorf("%q: status %d: %s", args, status, &errs)
		}
	}
}

func TestMainWithoutArguments(t *testing.T) {
	if status, stdout, _, _ := call(); status != 0 || !strings.Contains(stdout, "Commands:") {
		t.Errorf("status %d: %s", status, stdout)
	}
}
