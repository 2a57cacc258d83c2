package judges

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// TestFairleadH2spec asks h2spec about the whole program, with and without TLS:
// with answers that come at once, and with a backend that speaks HTTP/1.1.
func TestFairleadH2spec(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, "hello")
	}))
	defer srv.Close()
	for name, routes := range map[string]string{
		"at once":    `* -> inlineContent("hello") -> <shunt>`,
		"by backend": `* -> "` + srv.URL + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			f := startFront(t, certtest.New(t, "test"), routes)
			t.Run("plain", func(t *testing.T) { runH2spec(t, f.plain) })
			t.Run("TLS", func(t *testing.T) { runH2spec(t, f.secure, "-t", "-k") })
		})
	}
}
