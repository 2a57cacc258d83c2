package drive

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Mode says when a client sends.
type Mode string

// The modes; the package comment says what each does.
const (
	Get    Mode = "get"
	Post   Mode = "post"
	Conn   Mode = "conn"
	Stream Mode = "stream"
	Rate   Mode = "rate"
	Idle   Mode = "idle"
	GRPC   Mode = "grpc"
)

// Settings describe one run.
type Settings struct {
	Mode     Mode
	URL      string        // http[s]://ADDRESS:PORT/PATH; the address is a number
	Clients  int           // connections
	Duration time.Duration // measured time; for idle the longest hold
	Warmup   time.Duration // load before the measured time
	Timeout  time.Duration // longest exchange
	Rate     float64       // requests a second, mode rate
	Body     int           // bytes of the request body, mode post
	Expect   int           // bytes of the answer's body; 0: by the path, as origin answers

	H2      bool // HTTP/2, over TLS by ALPN, otherwise with prior knowledge; modes get and grpc
	Streams int  // exchanges at the same time on each connection, HTTP/2

	Host  string   // Host field; with Hosts > 0 a format with one %d
	Hosts int      // number of host names, one at random for each request
	Paths []string // paths, one at random for each request; empty: that of URL

	PID int // process to account CPU time of, with its descendants; 0: none

	// Ready is called in mode idle when every connection is open.
	Ready func(open int)
	// Release ends the hold of mode idle; nil: Duration does.
	Release <-chan struct{}
}

// plan is what Settings mean.
type plan struct {
	Settings
	addr     netip.AddrPort
	tls      *tls.Config // nil: plain
	requests [][]byte
	fields   []hpack.HeaderField // of every request, HTTP/2
	expect   int
}

func (s Settings) plan() (*plan, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, fmt.Errorf("read URL %q: %w", s.URL, err)
	}
	addr, err := netip.ParseAddrPort(u.Host)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !addr.Addr().Is4() {
		return nil, fmt.Errorf("read URL %q: want http[s]://ADDRESS:PORT/PATH with an IPv4 address", s.URL)
	}
	if s.Clients < 1 {
		return nil, fmt.Errorf("%d connections: at least 1 is needed", s.Clients)
	}
	if s.Mode == Rate && s.Rate <= 0 {
		return nil, errors.New("mode rate needs a rate above 0")
	}
	if s.Timeout <= 0 {
		s.Timeout = 10 * time.Second
	}
	p := &plan{Settings: s, addr: addr, expect: s.Expect}
	if p.expect == 0 {
		p.expect = expectByPath(u.Path)
	}
	if u.Scheme == "https" {
		p.tls = clientTLS("http/1.1")
	}
	if s.H2 || s.Mode == GRPC {
		return p, p.prepareH2(u)
	}
	return p, p.prepare(u)
}

// expectByPath knows what origin answers.
func expectByPath(path string) int {
	switch {
	case strings.HasPrefix(path, "/100m"):
		return 100_000_000
	case strings.HasPrefix(path, "/10k"):
		return 10 << 10
	}
	return 100
}

// prepare writes every request there will be.
func (p *plan) prepare(u *url.URL) error {
	paths := p.Paths
	if len(paths) == 0 {
		paths = []string{u.RequestURI()}
	}
	hosts := []string{p.Host}
	if p.Host == "" {
		hosts[0] = u.Host
	}
	if p.Hosts > 0 {
		if strings.Count(p.Host, "%") != 1 {
			return fmt.Errorf("host format %q: want one %%d for the number of the host", p.Host)
		}
		hosts = hosts[:0]
		for i := range p.Hosts {
			hosts = append(hosts, fmt.Sprintf(p.Host, i))
		}
	}
	for _, h := range hosts {
		for _, path := range paths {
			p.requests = append(p.requests, p.request(h, path))
		}
	}
	return nil
}

func (p *plan) request(host, path string) []byte {
	method, extra := "GET", ""
	if p.Mode == Post {
		method, extra = "POST", fmt.Sprintf("Content-Type: application/octet-stream\r\nContent-Length: %d\r\n", p.Body)
	}
	if p.Mode == Conn {
		extra = "Connection: close\r\n"
	}
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: fairlead-bench\r\nAccept: */*\r\n%s\r\n",
		method, path, host, extra)
	if p.Mode == Post {
		head = append(head, strings.Repeat("x", p.Body)...)
	}
	return head
}
