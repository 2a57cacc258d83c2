package fairlead_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExamples builds the programs of examples, each a module of its own, and runs
// them. Nothing is downloaded that this module does not need, too.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	file := buildExample(t, here, "embed")
	cmd := exec.Command(file, "-address=127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer deadline.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("it did not say where it serves: %v", err)
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "serving on "))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{
		"/hello?name=Ada": "^Hello, Ada!\n$",
		"/hello":          "^Hello, world!\n$",
		"/office":         "^(open|closed)\n$",
		"/clock":          "^route clock, method GET\n$",
		"/nowhere":        "^Not Found\n$",
	} {
		resp, err := client.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !regexp.MustCompile(want).Match(body) {
			t.Errorf("%s: got %q, %v, want %s", path, body, err, want)
		}
		if timed := resp.Header.Get("Server-Timing"); (timed != "") != (path != "/office" && path != "/nowhere") {
			t.Errorf("%s: Server-Timing is %q", path, timed)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// buildExample builds an example in a copy of its folder, where its go.mod can be
// brought up to date with this module's requirements.
func buildExample(t *testing.T, root, name string) (file string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", name))); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, name)
	for _, args := range [][]string{
		{"mod", "edit", "-replace=fairlead.dev/fairlead=" + root},
		{"vet", "-mod=mod", "."},
		{"build", "-mod=mod", "-o", file, "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return file
}
