package judges

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// debian returns the program of a package of Debian, whose file is one of
// /usr/sbin that matches pattern. It installs the package when it is missing, and
// skips the test when that cannot be done.
func debian(t *testing.T, pkg, pattern string) string {
	t.Helper()
	find := func() string {
		files, err := filepath.Glob(filepath.Join("/usr/sbin", pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			return ""
		}
		return files[len(files)-1]
	}
	programs.Lock()
	defer programs.Unlock()
	if file := find(); file != "" {
		return file
	}
	if os.Getuid() != 0 {
		t.Skipf("%s is not there: install the package %q (as root this is done by itself)", pattern, pkg)
	}
	cmd := exec.Command("apt-get", "install", "-y", "--no-install-recommends", pkg)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1") // does not start the service
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("the package %q cannot be installed: %v: %s", pkg, err, lines[len(lines)-1])
	}
	file := find()
	if file == "" {
		t.Fatalf("the package %q was installed, and %s is not there", pkg, pattern)
	}
	return file
}
