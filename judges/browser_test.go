package judges

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium that is driven through a pipe, with the DevTools
// protocol: messages are JSON that ends with a NUL.
type browser struct {
	t   *testing.T
	cmd *exec.Cmd
	to  *os.File
	out *output

	mu      sync.Mutex
	serial  int
	answers map[int]chan cdpMessage
	events  map[string]chan cdpMessage // by session: of pages that have loaded
	ended   bool
}

// cdpMessage is one of the protocol.
type cdpMessage struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// startBrowser starts a browser for which every host of the tests is at 127.0.0.1
// and every certificate is good.
func startBrowser(t *testing.T, file string) *browser {
	t.Helper()
	b := &browser{t: t, out: &output{}, answers: map[int]chan cdpMessage{}, events: map[string]chan cdpMessage{}}
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "browser-")
	if err != nil {
		t.Fatal(err)
	}
	b.to = to
	b.cmd = exec.Command(file, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--ignore-certificate-errors", "--host-resolver-rules=MAP *.example 127.0.0.1", "--user-data-dir="+dir)
	b.cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	b.cmd.Stdout, b.cmd.Stderr = b.out, b.out
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	var done sync.WaitGroup
	done.Go(func() { b.read(from) })
	t.Cleanup(func() {
		to.Close()
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		from.Close()
		done.Wait()
		_ = os.RemoveAll(dir)
		if t.Failed() {
			t.Logf("the browser says:\n%s", b.out.end())
		}
	})
	return b
}

// read hands out what the browser says.
func (b *browser) read(from *os.File) {
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			break
		}
		var m cdpMessage
		if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m) != nil {
			continue
		}
		b.mu.Lock()
		switch {
		case m.ID != 0:
			if to := b.answers[m.ID]; to != nil {
				to <- m
				delete(b.answers, m.ID)
			}
		case m.Method == "Page.loadEventFired":
			if to := b.events[m.SessionID]; to != nil {
				select {
				case to <- m:
				default:
				}
			}
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	for _, to := range b.answers {
		close(to)
	}
	clear(b.answers)
}

// call calls a method and puts its result into result, if that is not nil.
func (b *browser) call(session, method string, params, result any) {
	b.t.Helper()
	text, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	to := make(chan cdpMessage, 1)
	b.mu.Lock()
	b.serial++
	m := cdpMessage{ID: b.serial, Method: method, SessionID: session, Params: text}
	ended := b.ended
	b.answers[m.ID] = to
	b.mu.Unlock()
	text, err = json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil || ended {
		b.t.Fatalf("%s: the browser has ended: %v", method, err)
	}
	select {
	case answer, ok := <-to:
		if !ok || answer.Error != nil {
			b.t.Fatalf("%s: the browser answers %+v", method, answer.Error)
		}
		if result != nil {
			if err := json.Unmarshal(answer.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: the browser does not answer", method)
	}
}

// person is somebody with cookies of their own, in front of one tab or more.
type person struct {
	*browser
	context string
}

// newPerson returns one without any cookie.
func (b *browser) newPerson(t *testing.T) *person {
	t.Helper()
	b.t = t
	var r struct{ BrowserContextID string }
	b.call("", "Target.createBrowserContext", map[string]any{}, &r)
	return &person{browser: b, context: r.BrowserContextID}
}

// tab is a page.
type tab struct {
	*person
	session string
	loaded  chan cdpMessage
}

func (p *person) newTab() *tab {
	p.t.Helper()
	var target struct{ TargetID string }
	p.call("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": p.context}, &target)
	var attached struct{ SessionID string }
	p.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	tb := &tab{person: p, session: attached.SessionID, loaded: make(chan cdpMessage, 100)}
	p.mu.Lock()
	p.events[tb.session] = tb.loaded
	p.mu.Unlock()
	p.call(tb.session, "Page.enable", map[string]any{}, nil)
	p.call(tb.session, "Network.enable", map[string]any{}, nil)
	return tb
}

// open goes to a URL and waits until the page that comes of it has loaded.
func (tb *tab) open(url string) {
	tb.t.Helper()
	tb.arrive(func() {
		var r struct{ ErrorText string }
		tb.call(tb.session, "Page.navigate", map[string]any{"url": url}, &r)
		if r.ErrorText != "" {
			tb.t.Fatalf("%s: the browser says %s", url, r.ErrorText)
		}
	})
}

// arrive does something that leads to another page, and waits for it.
func (tb *tab) arrive(do func()) {
	tb.t.Helper()
	for len(tb.loaded) > 0 {
		<-tb.loaded
	}
	do()
	select {
	case <-tb.loaded:
	case <-time.After(patience):
		tb.t.Fatalf("no page comes; this one is %q: %s", tb.url(), tb.text())
	}
}

// eval runs a script in the page, which may wait, and returns its result as text.
func (tb *tab) eval(script string) string {
	tb.t.Helper()
	var r struct {
		Result struct {
			Value any
		}
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	tb.call(tb.session, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		tb.t.Fatalf("script %q at %q: %s", script, tb.url(), r.ExceptionDetails.Exception.Description)
	}
	if r.Result.Value == nil {
		return ""
	}
	return fmt.Sprint(r.Result.Value)
}

func (tb *tab) url() string { tb.t.Helper(); return tb.eval("location.href") }
func (tb *tab) text() string {
	tb.t.Helper()
	return tb.eval("document.body ? document.body.innerText : ''")
}

// cookie is one as the browser keeps it.
type cookie struct {
	Name, Value, Domain, Path, SameSite string
	HTTPOnly                            bool
	Secure                              bool
	Expires                             float64
}

// cookies returns those whose names contain something.
func (p *person) cookies(part string) []cookie {
	p.t.Helper()
	var r struct{ Cookies []cookie }
	p.call("", "Storage.getCookies", map[string]any{"browserContextId": p.context}, &r)
	var all []cookie
	for _, c := range r.Cookies {
		if strings.Contains(c.Name, part) {
			all = append(all, c)
		}
	}
	return all
}

// setCookie changes the value of a cookie.
func (p *person) setCookie(c cookie, value string) {
	p.t.Helper()
	p.call("", "Storage.setCookies", map[string]any{"browserContextId": p.context, "cookies": []map[string]any{{
		"name": c.Name, "value": value, "domain": c.Domain, "path": c.Path, "secure": c.Secure, "httpOnly": c.HTTPOnly,
		"sameSite": c.SameSite, "expires": c.Expires,
	}}}, nil)
}

// forget deletes all cookies.
func (p *person) forget() {
	p.t.Helper()
	p.call("", "Storage.clearCookies", map[string]any{"browserContextId": p.context}, nil)
}
