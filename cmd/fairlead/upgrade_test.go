package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// envMain makes this test the program itself.
const envMain = "FAIRLEAD_TEST_IS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a process that runs, and those that replaced it.
type program struct {
	t    *testing.T
	log  string // file
	url  string
	help string // support listener
	pid  int
	done chan error // the end of the first process
}

var (
	addressOf = regexp.MustCompile(`msg="proxy listens".* address=(\S+)`)
	supportOf = regexp.MustCompile(`msg="support listens".* address=(\S+)`)
	replacer  = regexp.MustCompile(`msg="replaced by a new process.* process=(\d+)`)
)

// launch starts the program and waits until it listens.
func launch(t *testing.T, flags ...string) *program {
	t.Helper()
	p := &program{t: t, log: filepath.Join(t.TempDir(), "log"), done: make(chan error, 1)}
	out, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(os.Args[0], append([]string{"proxy", "-address=127.0.0.1:0", "-support-listener=127.0.0.1:0", "-access-log-disabled"}, flags...)...)
	cmd.Env = append(os.Environ(), envMain+"=1")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(p.pid, syscall.SIGINT)
		p.until("the last process ends", func() bool { return syscall.Kill(p.pid, 0) != nil || zombie(p.pid) })
	})
	p.until("it listens", func() bool { return len(p.find(addressOf)) > 0 })
	p.url = "http://" + p.find(addressOf)[0]
	p.help = "http://" + p.find(supportOf)[0]
	return p
}

// zombie reports whether a process has ended and nobody asked how: processes
// whose parent has ended may have nobody who asks.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

func (p *program) text() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

// find returns what the log says at each place that matches.
func (p *program) find(what *regexp.Regexp) (found []string) {
	for _, m := range what.FindAllStringSubmatch(p.text(), -1) {
		found = append(found, m[1])
	}
	return found
}

func (p *program) until(what string, ok func() bool) {
	p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			p.t.Fatalf("it did not happen in time: %s\n%s", what, p.text())
		}
	}
}

// upgrade replaces the process and waits until that is done.
func (p *program) upgrade() {
	p.t.Helper()
	before := len(p.find(replacer))
	if err := syscall.Kill(p.pid, syscall.SIGUSR2); err != nil {
		p.t.Fatal(err)
	}
	p.until("it is replaced", func() bool { return len(p.find(replacer)) > before })
	old := p.pid
	p.pid, _ = strconv.Atoi(p.find(replacer)[before])
	p.until("the old process ends", func() bool { return syscall.Kill(old, 0) != nil || zombie(old) })
}

// get asks and returns what is wrong with the answer.
func get(c *http.Client, method, url string) error {
	req, err := http.NewRequest(method, url, strings.NewReader("body"))
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		return fmt.Errorf("status %d, %q, %w", resp.StatusCode, b, err)
	}
	return nil
}

// TestUpgrade replaces the process three times under load: no connection is refused
// and no request fails, on new connections and on those that are kept, and
// health is good all the time.
func TestUpgrade(t *testing.T) {
	p := launch(t, `-inline-routes=* -> inlineContent("hello") -> <shunt>`, "-wait-first-route-load")
	var asked, failed atomic.Int64
	var first sync.Once
	stop := make(chan struct{})
	var wg sync.WaitGroup
	load := func(keep bool, method, url string) {
		c := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: !keep}}
		defer c.CloseIdleConnections()
		for {
			select {
			case <-stop:
				return
			default:
			}
			asked.Add(1)
			if err := get(c, method, url); err != nil {
				failed.Add(1)
				first.Do(func() { t.Errorf("%s %s, kept %v: %v", method, url, keep, err) })
			}
		}
	}
	for range 2 {
		wg.Go(func() { load(true, "GET", p.url) })
		wg.Go(func() { load(true, "POST", p.url) })
		wg.Go(func() { load(false, "POST", p.url) })
	}
	wg.Go(func() { load(false, "GET", p.help+"/readyz") })
	for range 3 {
		before := asked.Load()
		p.upgrade()
		p.until("more is asked", func() bool { return asked.Load() > before+500 })
	}
	close(stop)
	wg.Wait()
	t.Logf("%d requests, %d failed", asked.Load(), failed.Load())
	if err := <-p.done; err != nil {
		t.Errorf("the first process ended with %v", err)
	}
}

// TestUpgradeFails checks that a new process that cannot serve changes nothing.
func TestUpgradeFails(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`inline-routes: '* -> inlineContent("hello") -> <shunt>'`)
	p := launch(t, "-config-file="+config, "-upgrade-timeout=1s")
	c := &http.Client{Timeout: 20 * time.Second}
	defer c.CloseIdleConnections()
	for text, want := range map[string]string{
		"max-loopbacks: many":                    "ended before it was ready",
		"routes-urls: http://127.0.0.1:1/routes": "was not ready after 1s",
	} {
		write(text)
		if err := syscall.Kill(p.pid, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		p.until("the log says "+want, func() bool { return strings.Contains(p.text(), want) })
		if err := get(c, "GET", p.url); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	write(`inline-routes: '* -> inlineContent("hello again") -> <shunt>'`)
	p.upgrade()
	if err := get(c, "GET", p.url); err != nil {
		t.Error(err)
	}
}
