package hostile

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPorts: which ports the process opens, and what each answers to somebody
// without credentials.
func TestPorts(t *testing.T) {
	before := listening(t)
	i := start(t, `r: * -> status(418) -> <shunt>`)
	known := map[string]bool{port(i.addr): true, port(i.support): true}
	for p := range listening(t) {
		if !before[p] && !known[p] {
			t.Errorf("the process listens on port %s, too", p)
		}
	}
	// The proxy knows nothing of its own: health and metrics need a route.
	for _, path := range []string{"/", "/metrics", "/routes", "/healthz", "/debug/pprof/", "/debug/pprof/heap"} {
		if a := i.get("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != 418 {
			t.Errorf("the proxy answers %s itself: %s", path, a.Status)
		}
	}
	// The support listener shows, and changes nothing.
	support := &instance{t: t, addr: i.support, log: i.log}
	shown := map[string]int{
		"/": 200, "/metrics": 200, "/routes": 200, "/healthz": 200, "/readyz": 200,
		"/debug/pprof/": 404, "/debug/pprof/heap": 404, "/debug/pprof/cmdline": 404, "/debug/vars": 404, "/shutdown": 404, "/quitquitquit": 404,
		"/load": 404, "/config": 404, "/../routes": 0, "/swarm": 404,
	}
	for path, want := range shown {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PURGE"} {
			a := support.get(method + " " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
			switch {
			case want == 0 && a.StatusCode >= 500:
				t.Errorf("%s %s: got %s", method, path, a.Status)
			case want == 0:
			case method == "GET" && a.StatusCode != want:
				t.Errorf("%s %s: got %s, want %d", method, path, a.Status, want)
			case method != "GET" && a.StatusCode < 300:
				t.Errorf("%s %s: got %s", method, path, a.Status)
			}
		}
	}
	for _, head := range []string{"Origin: http://evil.example", "Origin: null", "User-Agent: Mozilla/5.0\r\nHost: evil.example"} {
		request := "GET /routes HTTP/1.1\r\n" + head + "\r\n"
		if !strings.Contains(head, "Host:") {
			request += "Host: " + i.support + "\r\n"
		}
		if a := support.get(request + "\r\n"); a.StatusCode != http.StatusForbidden {
			t.Errorf("%q: got %s", head, a.Status)
		}
	}
	c := support.dial()
	c.send("GET /metrics HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("a", 100<<10) + "\r\n\r\n")
	if resp, err := http.ReadResponse(c.r, nil); err == nil { // or a reset
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a huge head: got %s", resp.Status)
		}
	}
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// listening returns the TCP ports that this process listens on.
func listening(t *testing.T) map[string]bool {
	t.Helper()
	own := map[string]bool{} // inodes
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(fds) == 0 {
		t.Skip("this system does not tell which ports a process has")
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to[len("socket:"):], "[]")] = true
		}
	}
	ports := map[string]bool{}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		for sc := bufio.NewScanner(f); sc.Scan(); {
			w := strings.Fields(sc.Text())
			if len(w) < 10 || w[3] != "0A" || !own[w[9]] {
				continue
			}
			n, err := strconv.ParseUint(w[1][strings.LastIndexByte(w[1], ':')+1:], 16, 16)
			if err != nil {
				t.Fatalf("%s: %v", table, err)
			}
			ports[fmt.Sprint(n)] = true
		}
		f.Close()
	}
	return ports
}
