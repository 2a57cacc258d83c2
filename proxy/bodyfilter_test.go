package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	_ "fairlead.dev/fairlead/filter/block"
)

// clients are those of each version of HTTP without TLS.
func clients(t *testing.T) map[string]*http.Client {
	old := &http.Transport{}
	t.Cleanup(old.CloseIdleConnections)
	return map[string]*http.Client{"HTTP/1": {Transport: old}, "HTTP/2": h2cClient(t)}
}

// backends start a backend of each version and return its URL.
func backends(t *testing.T, h http.HandlerFunc) map[string]string {
	return map[string]string{"HTTP/1": "http://" + startBackend(t, h), "HTTP/2": "h2c://" + address(h2c(t, h))}
}

// slowBody gives one piece after the other, each when the one before was read.
type slowBody struct{ pieces []string }

func (b *slowBody) Read(p []byte) (int, error) {
	if len(b.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.pieces[0])
	if b.pieces[0] = b.pieces[0][n:]; b.pieces[0] == "" {
		b.pieces = b.pieces[1:]
	}
	return n, nil
}

// A request of which the backend saw a part is broken off there and answered 400
// here.
func TestBlockedBody(t *testing.T) {
	var whole, wrong atomic.Int32
	h := func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			whole.Add(1)
		}
		if strings.Contains(string(b), "evil") {
			wrong.Add(1)
		}
	}
	for of, url := range backends(t, h) {
		p := start(t, `r: * -> blockContent("evil") -> "`+url+`"`, "-enable-h2c-server")
		for version, client := range clients(t) {
			long := strings.Repeat("harmless ", 50_000)
			for body, status := range map[string]int{"some evil": 400, long + "ev|il" + long: 400, long + "ev|ill": 400, "|evi|": 200, long: 200} {
				resp, err := client.Post("http://"+p.addr+"/", "text/plain", &slowBody{strings.Split(body, "|")})
				if err != nil {
					t.Fatalf("%s to %s: %v", version, of, err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != status {
					t.Errorf("%s to %s, %d bytes: got %s, want %d", version, of, len(body), resp.Status, status)
				}
			}
		}
		eventually(t, "the reason is logged", func() bool { return strings.Contains(p.log.String(), "reason=body-blocked") })
		p.checkIdle(t)
	}
	if whole.Load() != 2*2*2 || wrong.Load() != 0 {
		t.Errorf("the backends got %d whole requests, %d times the text", whole.Load(), wrong.Load())
	}
}

// The bound of the body's length holds for all versions.
func TestLongBodies(t *testing.T) {
	h := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	for of, url := range backends(t, h) {
		p := start(t, `r: * -> "`+url+`"`, "-enable-h2c-server", "-max-content-length=10")
		for version, client := range clients(t) {
			resp, err := client.Post("http://"+p.addr+"/", "text/plain", &slowBody{[]string{"12345", "12345", "1"}})
			if err != nil {
				t.Fatalf("%s to %s: %v", version, of, err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != 413 {
				t.Errorf("%s to %s: got %s", version, of, resp.Status)
			}
		}
	}
}
