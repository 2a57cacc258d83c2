package judges

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for what should happen soon.
const patience = 60 * time.Second

// programs are the judges that this run has built.
var programs struct {
	sync.Mutex
	dir   string
	built map[string]string // package -> file
}

func TestMain(m *testing.M) {
	if order := os.Getenv(orderVariable); order != "" {
		if err := attackFor(order); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "judges-")
	if err != nil {
		panic(err)
	}
	programs.dir, programs.built = dir, map[string]string{}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// build makes the program of a package that go.mod pins and returns its file. It
// skips the test when the module cannot be downloaded.
func build(t *testing.T, module, pkg string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if file := programs.built[pkg]; file != "" {
		return file
	}
	if out, err := exec.Command("go", "mod", "download", module).CombinedOutput(); err != nil {
		t.Skipf("the judge %s cannot be downloaded: %v\n%s", module, err, out)
	}
	file := filepath.Join(programs.dir, filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", file, pkg).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	programs.built[pkg] = file
	return file
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(patience); !is(); <-look.C {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}
