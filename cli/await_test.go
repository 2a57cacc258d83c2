package cli_test

import (
	"os"
	"runtime"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// await is a script command: wait until a file exists.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await file")
	}
	name := ts.MkAbs(args[0])
	for end := time.Now().Add(30 * time.Second); ; runtime.Gosched() {
		if _, err := os.Stat(name); err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s did not appear", args[0])
		}
	}
}
