package static_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/static"
)

var modified = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// site is a directory with files, beside a file that must not be reached.
func site(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	for name, content := range map[string]string{
		"secret":             "secret",
		"www/a.txt":          "0123456789",
		"www/empty.txt":      "",
		"www/dir/index.html": "<p>index</p>",
		"www/list/<b>&.txt":  "b",
		"www/list/c?d.txt":   "c",
		"www/sp ace.html":    "<p>space</p>",
	} {
		full := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(full, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"www/in": "a.txt", "www/out": "../secret", "www/abs": filepath.Join(top, "secret")} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(top, "www/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(top, "www")
}

func get(t *testing.T, f filter.Filter, method, target string, fields ...string) *filtertest.Exchange {
	t.Helper()
	x := filtertest.Get(t, target)
	x.Request.Method = method
	for i := 0; i+1 < len(fields); i += 2 {
		x.Request.Header.Add(fields[i], fields[i+1])
	}
	x.Run(f)
	if x.Forwarded {
		t.Errorf("%s was forwarded", target)
	}
	return x
}

func TestStatic(t *testing.T) {
	f := filtertest.Build(t, "static", "/s", site(t))
	date := modified.Format(http.TimeFormat)
	for _, tt := range []struct {
		method, target string
		fields         []string
		status         int
		body           string
		want           []string // fields of the response
	}{
		{"GET", "/s/a.txt", nil, 200, "0123456789", []string{"Content-Type", "text/plain; charset=utf-8", "Last-Modified", date, "Content-Length", "10", "Accept-Ranges", "bytes"}},
		{"HEAD", "/s/a.txt", nil, 200, "", []string{"Content-Length", "10", "Last-Modified", date}},
		{"GET", "/s/empty.txt", nil, 200, "", []string{"Content-Length", "0"}},
		{"GET", "/s/sp%20ace.html", nil, 200, "<p>space</p>", []string{"Content-Type", "text/html; charset=utf-8"}},
		{"GET", "/s/in", nil, 200, "0123456789", nil},
		{"GET", "/s/a.txt", []string{"Range", "bytes=2-4"}, 206, "234", []string{"Content-Range", "bytes 2-4/10", "Content-Length", "3"}},
		{"GET", "/s/a.txt", []string{"Range", "bytes=-2"}, 206, "89", []string{"Content-Range", "bytes 8-9/10"}},
		{"HEAD", "/s/a.txt", []string{"Range", "bytes=2-4"}, 206, "", []string{"Content-Range", "bytes 2-4/10", "Content-Length", "3"}},
		{"GET", "/s/a.txt", []string{"Range", "bytes=1-2,4-5"}, 200, "0123456789", []string{"Content-Range", ""}},
		{"GET", "/s/a.txt", []string{"Range", "bytes=10-"}, 416, "invalid range: failed to overlap\n", []string{"Content-Range", "bytes */10"}},
		{"GET", "/s/a.txt", []string{"Range", "bytes=2-4", "If-Range", date}, 206, "234", nil},
		{"GET", "/s/a.txt", []string{"Range", "bytes=2-4", "If-Range", `"other"`}, 200, "0123456789", nil},
		{"GET", "/s/a.txt", []string{"If-Modified-Since", date}, 304, "", []string{"Content-Type", ""}},
		{"GET", "/s/a.txt", []string{"If-Modified-Since", modified.Add(-time.Hour).Format(http.TimeFormat)}, 200, "0123456789", nil},
		{"GET", "/s/a.txt", []string{"If-Unmodified-Since", modified.Add(-time.Hour).Format(http.TimeFormat)}, 412, "", nil},
		{"GET", "/s/dir/", nil, 200, "<p>index</p>", []string{"Content-Type", "text/html; charset=utf-8"}},
		{"GET", "/s/dir?q=1", nil, 301, "", []string{"Location", "dir/?q=1"}},
		{"GET", "/s/dir/index.html", nil, 301, "", []string{"Location", "./"}},
		{"GET", "/s/a.txt/", nil, 301, "", []string{"Location", "../a.txt"}},
		{"GET", "/s/none", nil, 404, "404 page not found\n", []string{"Content-Type", "text/plain; charset=utf-8"}},
		{"GET", "/s/a.txt/x", nil, 404, "404 page not found\n", nil},
		{"GET", "/other/a.txt", nil, 404, "404 page not found\n", nil},
		{"GET", "/s/" + strings.Repeat("x", 300), nil, 404, "404 page not found\n", nil},
		{"GET", "/s/pipe", nil, 403, "403 Forbidden\n", nil},
		// Nothing leads out.
		{"GET", "/s/../secret", nil, 404, "404 page not found\n", nil},
		{"GET", "/s/..%2fsecret", nil, 404, "404 page not found\n", nil},
		{"GET", "/s/%2e%2e/%2e%2e/secret", nil, 404, "404 page not found\n", nil},
		{"GET", "/s/dir/../../secret", nil, 404, "404 page not found\n", nil},
		{"GET", "/s/out", nil, 404, "404 page not found\n", nil},
		{"GET", "/s/abs", nil, 404, "404 page not found\n", nil},
		{"GET", "/s/a.txt%00", nil, 404, "404 page not found\n", nil},
		{"GET", "/s//secret", nil, 404, "404 page not found\n", nil},
	} {
		x := get(t, f, tt.method, tt.target, tt.fields...)
		r := x.Response
		length := r.ContentLength
		if body := x.ResponseBody(); r.Status != tt.status || body != tt.body {
			t.Errorf("%s %s %q: %d %q, want %d %q", tt.method, tt.target, tt.fields, r.Status, body, tt.status, tt.body)
		}
		if tt.method != "HEAD" && length != int64(len(tt.body)) {
			t.Errorf("%s: length %d, want %d", tt.target, length, len(tt.body))
		}
		for i := 0; i < len(tt.want); i += 2 {
			if got := r.Header.Get(tt.want[i]); got != tt.want[i+1] {
				t.Errorf("%s %s: %s is %q, want %q", tt.method, tt.target, tt.want[i], got, tt.want[i+1])
			}
		}
	}
}

// The second opinion: net/http serving the same files over a connection.
func TestLikeNetHTTP(t *testing.T) {
	dir := site(t)
	f := filtertest.Build(t, "static", "/s", dir)
	theirs := http.StripPrefix("/s", http.FileServer(http.Dir(dir)))
	for _, target := range []string{"/s/a.txt", "/s/list/", "/s/dir/", "/s/", "/s", "/s/dir", "/s/none", "/s/in", "/x"} {
		for _, fields := range [][]string{nil, {"Range", "bytes=1-"}, {"Range", "bytes=x"}, {"Range", "bytes=99-"}, {"If-None-Match", "*"}} {
			for _, method := range []string{"GET", "HEAD"} {
				x := get(t, f, method, target, fields...)
				req := httptest.NewRequest(method, target, nil)
				if fields != nil {
					req.Header.Set(fields[0], fields[1])
				}
				rec := httptest.NewRecorder()
				theirs.ServeHTTP(rec, req)
				if x.Response.Status != rec.Code {
					t.Errorf("%s %s %q: status %d, net/http says %d", method, target, fields, x.Response.Status, rec.Code)
				}
				if body := x.ResponseBody(); method == "GET" && body != rec.Body.String() {
					t.Errorf("%s %s %q: body %q, net/http says %q", method, target, fields, body, rec.Body.String())
				}
				for name, want := range rec.Result().Header {
					if got := filtertest.Fields(&x.Response.Header, name); strings.Join(got, "|") != strings.Join(want, "|") {
						t.Errorf("%s %s %q: %s is %q, net/http says %q", method, target, fields, name, got, want)
					}
				}
			}
		}
	}
}

// The engine finds the file, positioned at the first byte to send.
func TestBodyIsAFile(t *testing.T) {
	f := filtertest.Build(t, "static", "/", site(t))
	x := get(t, f, "GET", "/a.txt", "Range", "bytes=3-6")
	body, ok := x.Response.Body.(interface {
		io.ReadCloser
		File() *os.File
		Remaining() int64
	})
	if !ok {
		t.Fatalf("the body is a %T", x.Response.Body)
	}
	two := make([]byte, 2)
	if _, err := io.ReadFull(body, two); err != nil || string(two) != "34" || body.Remaining() != 2 {
		t.Errorf("read %q, %v, %d left", two, err, body.Remaining())
	}
	rest := make([]byte, body.Remaining())
	if _, err := io.ReadFull(body.File(), rest); err != nil || string(rest) != "56" {
		t.Errorf("the file goes on with %q, %v", rest, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
	if _, err := body.File().Stat(); err == nil {
		t.Error("the file is open after Close")
	}
}

func TestFileThatShrinks(t *testing.T) {
	dir := site(t)
	f := filtertest.Build(t, "static", "/", dir)
	x := get(t, f, "GET", "/a.txt")
	if err := os.Truncate(filepath.Join(dir, "a.txt"), 4); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(x.Response.Body); err != io.ErrUnexpectedEOF || string(b) != "0123" {
		t.Errorf("read %q, %v", b, err)
	}
	if err := x.Response.Body.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
}

// A directory that is a link may be moved to the next version.
func TestDirectoryIsFollowed(t *testing.T) {
	top := t.TempDir()
	for _, v := range []string{"v1", "v2"} {
		if err := os.Mkdir(filepath.Join(top, v), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, v, "f"), []byte(v), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	current := filepath.Join(top, "current")
	if err := os.Symlink("v1", current); err != nil {
		t.Fatal(err)
	}
	f := filtertest.Build(t, "static", "/", current)
	if body := get(t, f, "GET", "/f").ResponseBody(); body != "v1" {
		t.Errorf("got %q", body)
	}
	if err := os.Remove(current); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("v2", current); err != nil {
		t.Fatal(err)
	}
	if body := get(t, f, "GET", "/f").ResponseBody(); body != "v2" {
		t.Errorf("got %q", body)
	}
}

func TestNoOpenFilesAreLeft(t *testing.T) {
	f := filtertest.Build(t, "static", "/", site(t))
	before := openFiles(t)
	for range 20 {
		for _, target := range []string{"/a.txt", "/dir/", "/list/", "/none", "/pipe", "/out", "/dir"} {
			for _, method := range []string{"GET", "HEAD"} {
				get(t, f, method, target).ResponseBody()
			}
		}
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files are open, %d before", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("cannot count open files: %v", err)
	}
	return len(fds)
}

func TestRefused(t *testing.T) {
	dir := site(t)
	for _, tt := range []struct {
		want string
		args []any
	}{
		{"no such file or directory", []any{"/", filepath.Join(dir, "nowhere")}},
		{"it is a file, expected a directory", []any{"/", filepath.Join(dir, "a.txt")}},
		{"expected (prefix, directory)", []any{"/"}},
		{`directory "": no such file or directory`, []any{"/", ""}},
	} {
		if err := filtertest.BuildError(t, "static", tt.args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.args, err, tt.want)
		}
	}
}
