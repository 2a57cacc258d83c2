package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShadowsInTheLog checks that requests of Fairlead's own have no line in the
// access log unless their route asks for it.
func TestShadowsInTheLog(t *testing.T) {
	logged := filepath.Join(t.TempDir(), "access.log")
	i := run(t, `-inline-routes=quiet: Path("/quiet") -> teeLoopback("a") -> setPath("/client") -> status(200) -> <shunt>;
		quietShadow: Path("/quiet") && Tee("a") -> setResponseHeader("X", "y") -> status(201) -> <shunt>;
		told: Path("/told") -> teeLoopback("a") -> status(200) -> <shunt>;
		toldShadow: Path("/told") && Tee("a") -> enableAccessLog() -> status(201) -> <shunt>`,
		"-access-log="+logged, "-access-log-json-enabled", "-access-log-disabled=false", "-wait-first-route-load")
	for _, path := range []string{"/quiet", "/told"} {
		resp, err := http.Get(i.proxy + path)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("got %v, %v", resp, err)
		}
		_ = resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	var text string
	i.eventually("three lines", func() bool {
		b, err := os.ReadFile(logged)
		text = string(b)
		return err == nil && strings.Count(text, "\n") == 3
	})
	if n := strings.Count(text, `"status":201`); n != 1 || !strings.Contains(text, "/quiet") {
		t.Errorf("logged %s", text)
	}
}
