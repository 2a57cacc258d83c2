package judges

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// program is what php-fpm runs: what it is told to do stands in the query.
const program = `<?php
header('X-Multi: 1', false);
header('X-Multi: 2', false);
switch ($_GET['do'] ?? '') {
case 'status':
  http_response_code(418);
  break;
case 'location':
  header('Location: /elsewhere');
  exit;
case 'big':
  for ($i = 0; $i < 400; $i++) { echo str_repeat('0123456789abcdef', 1024); }
  exit;
case 'warn':
  error_log('a complaint of the program');
  break;
case 'flush':
  echo "one\n"; flush();
  fastcgi_finish_request();
  exit;
case 'length':
  header('Content-Length: 5');
  echo 'hello';
  exit;
case 'fatal':
  undefined_function();
}
header('Content-Type: application/json');
$body = file_get_contents('php://input');
echo json_encode(['server' => $_SERVER, 'length' => strlen($body), 'hash' => md5($body), 'post' => (object)$_POST, 'proxy' => getenv('HTTP_PROXY'), 'pid' => getmypid()]);
`

// told is what the program says that it was told.
type told struct {
	Server map[string]any `json:"server"`
	Length int            `json:"length"`
	Post   map[string]any `json:"post"`
	Proxy  any            `json:"proxy"`
	Pid    int            `json:"pid"`
}

// startPHP runs php-fpm on a port of loopback and returns its address and the
// file it runs.
func startPHP(t *testing.T) (address, file string) {
	t.Helper()
	php := debian(t, "php-fpm", "php-fpm[0-9]*")
	dir, address := t.TempDir(), freeAddress(t)
	file = filepath.Join(dir, "index.php")
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "fpm.conf")
	text := fmt.Sprintf("[global]\nerror_log = %s\ndaemonize = no\n[www]\nlisten = %s\npm = static\npm.max_children = 24\n", filepath.Join(dir, "fpm.log"), address)
	if os.Getuid() == 0 {
		text += "user = root\ngroup = root\n"
	}
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(php, "-R", "-F", "-y", conf, "-d", "display_errors=0", "-d", "log_errors=1", "-d", "post_max_size=64M", "-d", "error_log=", "-d", "fastcgi.logging=1")
	log := &output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("php-fpm says:\n%s", log.end())
		}
	})
	eventually(t, "php-fpm listens", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("php-fpm ended with %v:\n%s", err, log.end())
		default:
		}
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return address, file
}

// TestPHP sends requests of all kinds through Fairlead to php-fpm, over HTTP/1.1
// and HTTP/2, with connections that are kept and that are not.
func TestPHP(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Fairlead; make judges runs it")
	}
	php, file := startPHP(t)
	for _, keep := range []string{"false", "true"} {
		t.Run("keep "+keep, func(t *testing.T) {
			ca := certtest.New(t, "authority")
			f := startFront(t, ca, fmt.Sprintf(`php: * -> setFastCgiFilename(%q) -> "fastcgi://%s";
				missing: Path("/missing") -> setFastCgiFilename("/nowhere/index.php") -> "fastcgi://%s"`, file, php, php), "-fastcgi-keep-conn="+keep)
			for _, http2 := range []bool{false, true} {
				protocols := new(http.Protocols)
				protocols.SetHTTP1(!http2)
				protocols.SetUnencryptedHTTP2(http2)
				transport := &http.Transport{Protocols: protocols}
				client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				t.Run(fmt.Sprintf("HTTP/2 %v", http2), func(t *testing.T) { askPHP(t, f, client, file) })
				transport.CloseIdleConnections()
			}
			eventually(t, "the complaint is in the log", func() bool { return strings.Contains(f.log.String(), "a complaint of the program") })
		})
	}
}

func askPHP(t *testing.T, f *front, client *http.Client, file string) {
	send := func(method, target string, body io.Reader, change func(*http.Request)) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+f.plain+target, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "shop.example.org"
		if change != nil {
			change(req)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
		return resp, string(b)
	}
	tell := func(method, target string, body io.Reader, change func(*http.Request)) (r told) {
		t.Helper()
		resp, text := send(method, target, body, change)
		if resp.StatusCode != 200 || json.Unmarshal([]byte(text), &r) != nil {
			t.Fatalf("%s %s: %s %.300q", method, target, resp.Status, text)
		}
		return r
	}

	r := tell("GET", "/index.php/a%20b?x=1&y=%2F", nil, func(r *http.Request) {
		r.Header.Set("Proxy", "http://evil.example")
		r.Header.Set("X-A", "1")
		r.Header["X_A"] = []string{"evil"}
		r.SetBasicAuth("user", "secret")
	})
	for name, want := range map[string]any{
		"REQUEST_METHOD": "GET", "REQUEST_URI": "/index.php/a%20b?x=1&y=%2F", "QUERY_STRING": "x=1&y=%2F",
		"SCRIPT_FILENAME": file, "SCRIPT_NAME": "/index.php", "PATH_INFO": "/a b", "PHP_SELF": "/index.php/a b",
		"HTTP_HOST": "shop.example.org", "SERVER_NAME": "shop.example.org", "REMOTE_ADDR": "127.0.0.1",
		"HTTP_X_A": "1", "PHP_AUTH_USER": "user", "HTTP_PROXY": nil, "HTTPS": nil,
	} {
		if got := r.Server[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if r.Proxy != false {
		t.Errorf("HTTP_PROXY is %v", r.Proxy)
	}

	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	if r := tell("POST", "/", strings.NewReader("a=b&c=d"), form); r.Length != 7 || r.Post["a"] != "b" || r.Post["c"] != "d" {
		t.Errorf("a form: %+v", r)
	}
	if r := tell("POST", "/", io.MultiReader(strings.NewReader("a=b&"), strings.NewReader("c=d")), form); r.Length != 7 || r.Post["c"] != "d" {
		t.Errorf("a form in chunks: %+v", r)
	}
	if r := tell("PUT", "/", bytes.NewReader(make([]byte, 8<<20)), nil); r.Length != 8<<20 {
		t.Errorf("a long body: %d bytes", r.Length)
	}
	for _, c := range []struct {
		method, target string
		status         int
		length         int
	}{
		{"GET", "/?do=status", 418, -1},
		{"GET", "/?do=location", 302, 0},
		{"GET", "/?do=big", 200, 400 * 16 * 1024},
		{"GET", "/?do=flush", 200, 4},
		{"GET", "/?do=length", 200, 5},
		{"HEAD", "/?do=length", 200, 0},
		{"GET", "/?do=warn", 200, -1},
		{"GET", "/?do=fatal", 500, 0},
		{"GET", "/missing", 404, -1},
	} {
		resp, text := send(c.method, c.target, nil, nil)
		if resp.StatusCode != c.status || c.length >= 0 && len(text) != c.length {
			t.Errorf("%s %s: %s, %d bytes, want %d, %d", c.method, c.target, resp.Status, len(text), c.status, c.length)
		}
		if m := resp.Header["X-Multi"]; c.status != 404 && (len(m) != 2 || m[0] != "1" || m[1] != "2") {
			t.Errorf("%s: X-Multi %q", c.target, m)
		}
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				resp, err := client.Get("http://" + f.plain + "/?n=" + fmt.Sprint(i))
				if err != nil {
					t.Error(err)
					return
				}
				var r told
				err = json.NewDecoder(resp.Body).Decode(&r)
				resp.Body.Close()
				if got := fmt.Sprint(r.Server["QUERY_STRING"]); err != nil || got != fmt.Sprintf("n=%d", i) {
					t.Errorf("asked with %d, got the answer to %q, %v", i, got, err)
				}
			}
		})
	}
	wg.Wait()
}
