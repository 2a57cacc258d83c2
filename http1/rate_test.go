package http1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// drain reads bodies and says how it went.
type drainer struct{ errs chan error }

func (d drainer) Handle(x exchange.Downstream) {
	_, err := io.Copy(io.Discard, x.Record().Request.Body)
	d.errs <- err
	_ = x.Reply(&message.Response{Status: 200})
}

func (d drainer) Refuse(exchange.Downstream, *exchange.ProtocolError) {}

// TestHostileSlowBody checks that a body that drips below the lowest rate is cut,
// however steadily it comes, and that one above it is not.
func TestHostileSlowBody(t *testing.T) {
	for name, tt := range map[string]struct {
		rate int
		cut  bool
	}{"below": {1 << 30, true}, "above": {1, false}} {
		t.Run(name, func(t *testing.T) {
			client, server := net.Pipe()
			d := drainer{make(chan error, 1)}
			srv := NewServer(d, ServerConfig{ServerConfig: exchange.ServerConfig{MinBodyRate: tt.rate, MinBodyGrace: 100 * time.Millisecond}}, sock.NewSweeper(), nil)
			done := make(chan struct{})
			go func() { srv.ServeConn(sock.Wrap(server, nil), nil); close(done) }()
			_ = client.SetDeadline(time.Now().Add(20 * time.Second))
			_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n")
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			go func() {
				for range 30 {
					<-tick.C
					if _, err := io.WriteString(client, "x"); err != nil {
						return
					}
				}
			}()
			if err := <-d.errs; (err != nil) != tt.cut {
				t.Errorf("reading the body: %v", err)
			}
			if !tt.cut {
				if resp, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil || resp.StatusCode != 200 {
					t.Errorf("got %v %v", resp, err)
				}
			}
			_ = client.Close()
			<-done
		})
	}
}
