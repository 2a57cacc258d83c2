package health

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/backend"
)

// TestAsk asks real servers.
func TestAsk(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/slow":
			<-r.Context().Done()
		case r.URL.Path == "/host" && r.Host != "my.example":
			w.WriteHeader(404)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/bad", http.StatusFound)
		case r.URL.Path == "/bad":
			w.WriteHeader(500)
		}
	})
	plain, secure, two := httptest.NewServer(h), httptest.NewUnstartedServer(h), httptest.NewUnstartedServer(h)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	two.Config.Protocols = new(http.Protocols)
	two.Config.Protocols.SetUnencryptedHTTP2(true)
	two.Start()
	for _, s := range []*httptest.Server{plain, secure, two} {
		defer s.Close()
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ln.Addr().String()
	ln.Close()
	set := new(backend.Set)
	for _, c := range []struct{ address, path, host, want string }{
		{"http://" + plain.Listener.Addr().String(), "", "", ""},
		{"http://" + plain.Listener.Addr().String(), "/", "", ""},
		{"http://" + plain.Listener.Addr().String(), "/bad", "", "status 500"},
		{"http://" + plain.Listener.Addr().String(), "/moved", "", ""},
		{"http://" + plain.Listener.Addr().String(), "/host", "", "status 404"},
		{"http://" + plain.Listener.Addr().String(), "/host", "my.example", ""},
		{"http://" + plain.Listener.Addr().String(), "/slow", "", "context deadline exceeded"},
		{"https://" + secure.Listener.Addr().String(), "/", "", ""},
		{"https://" + secure.Listener.Addr().String(), "/bad", "", "status 500"},
		{"https://" + plain.Listener.Addr().String(), "/", "", "TLS"},
		{"h2c://" + two.Listener.Addr().String(), "/", "", ""},
		{"h2c://" + two.Listener.Addr().String(), "/bad", "", "status 500"},
		{"http://" + nobody, "", "", "refused"},
		{"http://" + nobody, "/", "", "refused"},
	} {
		e, err := set.Acquire(c.address, "")
		if err != nil {
			t.Fatal(err)
		}
		check := &backend.Check{Path: c.path, Host: c.host}
		check.Statuses.Add(200, 399)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if c.path == "/slow" {
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		}
		err = ask(ctx, e, check)
		cancel()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s%s: got %v, want %q", c.address, c.path, err, c.want)
		}
	}
}
