package fairlead_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// session is a shell in a folder of its own, with the binary and curl on its
// PATH.
type session struct {
	t     *testing.T
	dir   string
	in    io.Writer
	out   *bufio.Reader
	ports map[string]string // as documented -> as used
	jobs  []string          // process ids of the background
}

// The ports that documents may use.
const (
	proxyPort   = "9090"
	supportPort = "9911"
)

var documentedPorts = []string{proxyPort, supportPort, "9001", "9002", "9003"}

// buildBinary does what `make build` does, in a folder of the test.
func buildBinary(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "fairlead"), "./cmd/fairlead")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v\n%s", err, out)
	}
	names := regexp.MustCompile(`(?m)^NAMES\s*:= (.+)$`).FindStringSubmatch(makefile(t))
	if names == nil {
		t.Fatal("the Makefile has no NAMES")
	}
	for _, name := range strings.Fields(names[1]) {
		if err := os.Symlink("fairlead", filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "curl")); err != nil {
		t.Fatal(err)
	}
	return bin
}

func startSession(t *testing.T, bin string) *session {
	t.Helper()
	s := &session{t: t, dir: t.TempDir(), ports: map[string]string{}}
	for _, p := range documentedPorts {
		s.ports[p] = freePort(t)
	}
	if err := os.Symlink(bin, filepath.Join(s.dir, "bin")); err != nil {
		t.Fatal(err)
	}
	sh := exec.Command("sh")
	sh.Dir = s.dir
	sh.Env = append(os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GORACE=atexit_sleep_ms=0", // else each curl takes a second longer
		"LC_ALL=C",
	)
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := sh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := sh.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	sh.Stderr = sh.Stdout
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-sh.Process.Pid, syscall.SIGKILL)
		_ = sh.Wait()
	})
	s.in, s.out = in, bufio.NewReader(out)
	return s
}

// used are the ports that some session has.
var used struct {
	sync.Mutex
	ports map[string]bool
}

// freePort returns a port that nobody listens on. It is below those that the
// system gives to connections.
func freePort(t *testing.T) string {
	t.Helper()
	used.Lock()
	defer used.Unlock()
	if used.ports == nil {
		used.ports = map[string]bool{}
	}
	for range 1000 {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		// A document that edits a "301" with sed must not find one in a port.
		if used.ports[port] || strings.Contains(port, "301") {
			continue
		}
		ln, err := net.Listen("tcp", ":"+port)
		if err != nil {
			continue
		}
		used.ports[port] = true
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("found no free port")
	return ""
}

// toReal puts the ports in use into a text of the document.
func (s *session) toReal(text string) string {
	for documented, port := range s.ports {
		text = strings.ReplaceAll(text, ":"+documented, ":"+port)
	}
	return text
}

// toDocumented does the reverse.
func (s *session) toDocumented(text string) string {
	for documented, port := range s.ports {
		text = strings.ReplaceAll(text, ":"+port, ":"+documented)
	}
	return text
}

// mark ends what a command prints, with its status.
const mark = "-- end of command --"

// run runs one command and returns what it prints, both streams together.
func (s *session) run(text string) string {
	s.t.Helper()
	script := s.toReal(s.withEnvironment(text))
	if _, err := fmt.Fprintf(s.in, "{ %s\n} </dev/null\necho; echo '%s'\n", script, mark); err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			s.t.Fatalf("$ %s: the shell ended: %v\n%s", text, err, b.String())
		}
		if strings.TrimSpace(line) == mark {
			break
		}
		b.WriteString(line)
	}
	text = strings.ReplaceAll(b.String(), "\r\n", "\n")
	return s.toDocumented(strings.TrimRight(text, "\n") + "\n")
}

// starts finds the commands that start a proxy.
var starts = regexp.MustCompile(`^(fairlead proxy|skipper)\b`)

// withEnvironment tells a proxy the ports that no flag names.
func (s *session) withEnvironment(text string) string {
	if !starts.MatchString(text) {
		return text
	}
	return "FAIRLEAD_ADDRESS=127.0.0.1:" + proxyPort + " FAIRLEAD_SUPPORT_LISTENER=127.0.0.1:" + supportPort +
		" FAIRLEAD_SOURCE_POLL_TIMEOUT=20 " + text
}

// background starts a command that goes on.
func (s *session) background(text string) {
	s.t.Helper()
	pid := strings.TrimSpace(s.run(s.withEnvironment(text) + " & echo $!"))
	if _, err := strconv.Atoi(pid); err != nil {
		s.t.Fatalf("$ %s &: %s", text, pid)
	}
	s.jobs = append(s.jobs, pid)
}

// pause is the time between two looks at a running process.
func (s *session) pause() {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-s.t.Context().Done():
	}
}

// end interrupts what runs in the background, the last first, and waits for it.
func (s *session) end() {
	s.t.Helper()
	for i := len(s.jobs) - 1; i >= 0; i-- {
		if got := s.run("kill -INT " + s.jobs[i] + "; wait " + s.jobs[i] + "; echo status $?"); got != "status 0\n" {
			s.t.Errorf("process %d of the background, interrupted: %s%s", i+1, got, s.logs())
		}
	}
}

// logs returns the end of what processes in the background wrote.
func (s *session) logs() string {
	names, err := filepath.Glob(filepath.Join(s.dir, "*.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		fmt.Fprintf(&b, "-- %s --\n%s", filepath.Base(name), strings.Join(lines[max(0, len(lines)-20):], ""))
	}
	return b.String()
}

// demoPorts finds the ports in what the demo prints.
var demoPorts = regexp.MustCompile(`curl http://127\.0\.0\.1:(\d+)/\n(?s:.*)curl http://127\.0\.0\.1:(\d+)/routes`)

// make checks that the Makefile has the target. `make run` is run, without the
// build: the demo chooses its ports by itself.
func (s *session) make(target, prints string) {
	s.t.Helper()
	recipe := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:.*\n((?:\t.*\n)*)`).FindStringSubmatch(makefile(s.t))
	if recipe == nil {
		s.t.Fatalf("make %s: there is no such target", target)
	}
	if prints == "" {
		return
	}
	demo := strings.TrimPrefix(strings.TrimSpace(recipe[1]), "@")
	s.background(demo + " >demo.log 2>&1")
	want, got := pattern(prints), ""
	for end := time.Now().Add(patience); !want.MatchString(got) && time.Now().Before(end); s.pause() {
		text, err := os.ReadFile(filepath.Join(s.dir, "demo.log"))
		if err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
		if p := demoPorts.FindStringSubmatch(string(text)); p != nil {
			s.ports[proxyPort], s.ports[supportPort] = p[1], p[2]
		}
		got = s.toDocumented(string(text))
	}
	if !want.MatchString(got) {
		s.t.Fatalf("make %s prints:\n%s\nthe README says:\n%s", target, got, prints)
	}
}

func makefile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
