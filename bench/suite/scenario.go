package suite

import (
	"fmt"
	"strings"
	"time"

	"fairlead.dev/fairlead/bench/cert"
	"fairlead.dev/fairlead/bench/peer"
)

// Scenario is one sort of work.
type Scenario struct {
	Name  string
	sort  sort
	path  string
	front peer.Front
	key   cert.Sort   // of the certificate; empty: ECDSA
	calls bool        // gRPC, also behind the proxy
	load  []string    // arguments of command load
	table peer.Routes // routes that every peer has

	soon, later time.Duration // when idle connections are looked at
}

type sort int

const (
	timed sort = iota
	idle
	change
)

// The table that Fairlead carries in every scenario, and all in "routes".
const fullHosts = 2500

func fullTable() peer.Routes { return peer.Routes{Hosts: fullHosts, Paths: peer.PathNames()} }

// callPath is the method of every call; origin answers any.
const callPath = "/bench.Echo/Say"

// Scenarios lists them in the order of the tables.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "small", path: "/", load: []string{"-mode=get", "-c=64"}},
		{Name: "medium", path: "/10k", load: []string{"-mode=get", "-c=64"}},
		{Name: "post", path: "/", load: []string{"-mode=post", "-c=64"}},
		{Name: "conn", path: "/", load: []string{"-mode=conn", "-c=64"}},
		{Name: "routes", path: "/", table: fullTable(), load: []string{
			"-mode=get", "-c=64", fmt.Sprintf("-hosts=%d", fullHosts),
			"-host=" + peer.HostFormat, "-paths=" + strings.Join(peer.PathNames(), ","),
		}},
		{Name: "stream", path: "/100m", load: []string{"-mode=stream", "-c=4"}},
		{Name: "rate", path: "/", load: []string{"-mode=rate", "-rate=5000", "-c=64"}},
		{Name: "idle", path: "/", sort: idle, load: []string{"-mode=idle", "-c=10000", "-d=0"},
			soon: 2 * time.Second, later: 12 * time.Second},
		{Name: "tls", path: "/", front: peer.TLS, load: []string{"-mode=get", "-c=64"}},
		{Name: "handshake", path: "/", front: peer.TLS, load: []string{"-mode=conn", "-c=64"}},
		{Name: "handshake-rsa", path: "/", front: peer.TLS, key: cert.RSA, load: []string{"-mode=conn", "-c=64"}},
		{Name: "h2", path: "/", front: peer.TLS, load: []string{"-h2", "-c=1", "-streams=100"}},
		{Name: "h2c", path: "/", front: peer.H2C, load: []string{"-h2", "-c=1", "-streams=100"}},
		{Name: "grpc", path: callPath, front: peer.TLS, calls: true, load: []string{"-mode=grpc", "-c=1", "-streams=100"}},
		{Name: "tlsidle", path: "/", front: peer.TLS, sort: idle, load: []string{"-mode=idle", "-c=5000", "-d=0"},
			soon: 2 * time.Second, later: 12 * time.Second},
		{Name: "change", path: "/", sort: change, table: peer.Routes{Hosts: 25000, Paths: peer.PathNames()}},
	}
}

// Pick finds scenarios by name; an empty list is all.
func Pick(names string) ([]Scenario, error) {
	all := Scenarios()
	if names == "" {
		return all, nil
	}
	known := map[string]Scenario{}
	var list []string
	for _, s := range all {
		known[s.Name] = s
		list = append(list, s.Name)
	}
	var picked []Scenario
	for name := range strings.SplitSeq(names, ",") {
		s, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("unknown scenario %q: known are %s", name, strings.Join(list, ", "))
		}
		picked = append(picked, s)
	}
	return picked, nil
}
