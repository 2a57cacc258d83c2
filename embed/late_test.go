package embed_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"fairlead.dev/fairlead/embed"
)

var late struct {
	read chan struct{}
	got  chan error
}

// mwLate puts a body of its own in the place of the client's, and goes on reading
// the client's when the exchange has ended.
var _ = embed.Middleware("mwLate", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body := r.Body
	r.Body = io.NopCloser(body)
	next.ServeHTTP(w, r)
	go func() {
		<-late.read
		p := make([]byte, 10)
		n, err := body.Read(p)
		if n > 0 {
			err = errors.New("read " + string(p[:n]))
		}
		late.got <- err
	}()
}))

// TestLateRead checks that nobody reads from a connection whose exchange has ended:
// what comes there then is of the next one.
func TestLateRead(t *testing.T) {
	late.read, late.got = make(chan struct{}), make(chan error, 1)
	b := backend(t)
	s := serve(t, `late: Path("/late") -> mwLate() -> "`+b+`"; plain: * -> "`+b+`"`)
	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	answer := func() string {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if _, err := io.WriteString(nc, "POST /late HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello"); err != nil {
		t.Fatal(err)
	}
	if got := answer(); !strings.Contains(got, `"hello"`) {
		t.Errorf("got %s", got)
	}
	if _, err := io.WriteString(nc, "POST /plain HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\nsec"); err != nil {
		t.Fatal(err)
	}
	close(late.read)
	if err := <-late.got; err == nil || err == io.EOF || strings.HasPrefix(err.Error(), "read ") {
		t.Errorf("got %v", err)
	}
	if _, err := io.WriteString(nc, "ret"); err != nil {
		t.Fatal(err)
	}
	if got := answer(); !strings.Contains(got, `"secret"`) {
		t.Errorf("got %s", got)
	}
}
