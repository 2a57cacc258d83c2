package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "fairlead.dev/fairlead/filter/timeout"
)

// A body that does not come in time is answered 408, others are not bounded.
func TestReadTimeout(t *testing.T) {
	url := "http://" + startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	p := start(t, `slow: Path("/slow") -> readTimeout("200ms") -> "`+url+`"; other: * -> "`+url+`"`, "-enable-h2c-server")
	for version, client := range clients(t) {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, "beginning") }()
		begun := time.Now()
		resp, err := client.Post("http://"+p.addr+"/slow", "text/plain", r)
		if err != nil {
			t.Fatal(version, err)
		}
		_ = resp.Body.Close()
		if d := time.Since(begun); resp.StatusCode != 408 || d < 200*time.Millisecond || d > 10*time.Second {
			t.Errorf("%s: got %s after %v", version, resp.Status, d)
		}
		_ = w.Close()
		// The limit was that of the exchange.
		r, w = io.Pipe()
		time.AfterFunc(600*time.Millisecond, func() {
			_, _ = io.WriteString(w, "late")
			_ = w.Close()
		})
		if resp, err = client.Post("http://"+p.addr+"/other", "text/plain", r); err != nil {
			t.Fatal(version, err)
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != 200 || string(b) != "late" {
			t.Errorf("%s: got %s, %q", version, resp.Status, b)
		}
	}
	eventually(t, "the reason is logged", func() bool { return strings.Contains(p.log.String(), "reason=body-timeout") })
}

// A response that is not through in time is cut, whoever is slow.
func TestWriteTimeout(t *testing.T) {
	url := "http://" + startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		for r.Context().Err() == nil {
			if r.URL.Path == "/fast" {
				_, _ = w.Write(make([]byte, 64<<10))
				continue
			}
			_, _ = fmt.Fprint(w, "x")
			_ = c.Flush()
			<-time.After(20 * time.Millisecond)
		}
	})
	p := start(t, `r: * -> writeTimeout("300ms") -> "`+url+`"`, "-enable-h2c-server")
	for version, client := range clients(t) {
		for _, path := range []string{"/fast", "/slow"} {
			begun := time.Now()
			resp, err := client.Get("http://" + p.addr + path)
			if err != nil {
				t.Fatal(version, path, err)
			}
			var n int64
			buf := make([]byte, 4<<10)
			for err == nil { // steadily, but not as fast as the slowest backend
				var k int
				k, err = resp.Body.Read(buf)
				n += int64(k)
				if time.Since(begun) < time.Second { // what lies in buffers then may come at once
					<-time.After(20 * time.Millisecond)
				}
			}
			_ = resp.Body.Close()
			if d := time.Since(begun); err == io.EOF || n == 0 || d < 300*time.Millisecond || d > 10*time.Second {
				t.Errorf("%s%s: %d bytes, %v after %v", version, path, n, err, d)
			}
		}
	}
	for _, reason := range []string{"client-stalled", "backend-body-timeout"} {
		eventually(t, reason+" is logged", func() bool { return strings.Contains(p.log.String(), "reason="+reason) })
	}
	p.checkIdle(t)
}
