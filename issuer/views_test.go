package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unsafe"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/option"
)

// view returns a token that is a view into b, as those of requests are: what is
// written to b later is the next request of the connection.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// A lookup goes on when its client has left, and others may wait for its answer. It
// must still ask about the token of that client, and not about what the memory of
// the request has by then: the token of somebody else.
func TestTokeninfoOfClientThatLeft(t *testing.T) {
	const n = 200
	asked := make(chan string, n)
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		io.WriteString(w, `{"uid":"me","expires_in":100}`)
	}, "-oauth2-tokeninfo-cache-size=1000")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range n {
		memory := fmt.Appendf(nil, "attacker%03d", i)
		if _, err := s.Ask(gone, view(memory)); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		copy(memory, "somebody")
	}
	for range n {
		if token := <-asked; !strings.HasPrefix(token, "attacker") {
			t.Fatalf("asked about %q", token)
		}
	}
}

func TestIntrospectionOfClientThatLeft(t *testing.T) {
	came, goOn, asked := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	var url string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/introspect" {
			asked <- r.FormValue("token")
			io.WriteString(w, `{"active":true,"sub":"me"}`)
			return
		}
		close(came)
		<-goOn
		fmt.Fprintf(w, `{"issuer":%q,"introspection_endpoint":%q}`, url, url+"/introspect")
	}))
	t.Cleanup(server.Close)
	url = server.URL
	env := filter.NewEnv(option.NewSet(), nil)
	t.Cleanup(func() { _ = env.Close() })
	p := issuer.In(env).Provider(url)
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-came; leave() }()
	memory := []byte("attacker")
	if _, err := p.Introspect(ctx, 10e9, issuer.Client{}, view(memory)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	copy(memory, "somebody")
	close(goOn)
	if token := <-asked; token != "attacker" {
		t.Errorf("asked about %q", token)
	}
}
