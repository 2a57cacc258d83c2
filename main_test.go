package fairlead_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMain lets the test binary stand in for curl, which a fresh machine need
// not have: the console blocks of the README call it by that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "curl" {
		os.Exit(curl(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
