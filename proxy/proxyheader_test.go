package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/kit/proxyproto"
)

// headed is a listener whose connections begin with a PROXY header, which says
// who their client is.
type headed struct{ net.Listener }

func (h headed) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 300)
	for {
		one := make([]byte, 1)
		if _, err := io.ReadFull(c, one); err != nil {
			return nil, err
		}
		b = append(b, one[0])
		head, _, err := proxyproto.Parse(b)
		if errors.Is(err, proxyproto.ErrShort) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return said{c, fmt.Sprintf("v%d %s", head.Version, head.Source)}, nil
	}
}

// said is a connection whose client is who the header says.
type said struct {
	net.Conn
	client string
}

func (s said) RemoteAddr() net.Addr { return name(s.client) }

type name string

func (n name) Network() string { return "tcp" }
func (n name) String() string  { return string(n) }

// TestProxyProtocolToBackend checks that each client's requests have connections
// of their own, which begin with who it is, before TLS where there is TLS.
func TestProxyProtocolToBackend(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, version := range []string{"v1", "v2"} {
			t.Run(fmt.Sprintf("%s, secure %v", version, secure), func(t *testing.T) {
				var mu sync.Mutex
				conns := map[string]int{}
				srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, r.RemoteAddr)
				}))
				srv.Config.ConnState = func(c net.Conn, s http.ConnState) {
					if s == http.StateNew {
						mu.Lock()
						defer mu.Unlock()
						conns[c.RemoteAddr().String()]++
					}
				}
				srv.Listener = headed{srv.Listener}
				scheme := "http://"
				if secure {
					scheme = "https://"
					srv.StartTLS()
				} else {
					srv.Start()
				}
				t.Cleanup(srv.Close)
				address := srv.Listener.Addr().String()
				p := start(t, fmt.Sprintf(`* -> proxyProtocol(%q) -> "%s%s"`, version, scheme, address), "-insecure")
				for range 2 {
					c := p.dial()
					want := version + " " + c.LocalAddr().String()
					for range 2 {
						c.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
						if a := c.read("GET"); a.StatusCode != 200 || a.body != want {
							t.Errorf("got %d %q, want %q", a.StatusCode, a.body, want)
						}
					}
					mu.Lock()
					if !secure && conns[want] != 2 {
						t.Errorf("%d connections for two requests of %s", conns[want], want)
					}
					mu.Unlock()
				}
			})
		}
	}
}

// TestProxyProtocolNeedsOwnConnection checks that a client is never named on a
// connection that others share.
func TestProxyProtocolNeedsOwnConnection(t *testing.T) {
	p := start(t, `* -> proxyProtocol("v2") -> "h2c://127.0.0.1:1"`)
	if a := p.get("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); a.StatusCode != 502 {
		t.Errorf("got %d", a.StatusCode)
	}
	if text := p.log.String(); !strings.Contains(text, "proxyProtocol is for http and https backends") {
		t.Errorf("log: %s", text)
	}
}
