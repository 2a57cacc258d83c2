package http3

import (
	"errors"
	"io"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// TestLimit is TestTimeouts for limits of one exchange.
func TestLimit(t *testing.T) {
	const short = 50 * time.Millisecond
	t.Run("body", func(t *testing.T) {
		b := serve(t, func(d exchange.Downstream) {
			d.(exchange.Limiter).Limit(short, 0)
			if _, err := io.ReadAll(d.Record().Request.Body); !errors.Is(err, sock.ErrTimeout) {
				t.Errorf("body: %v", err)
			}
			_ = d.Reply(text(408, ""))
		}, nil)
		s := open(t, b.dial(), join(headers(with(kv{":method", "POST"}, kv{"content-length", "2"})), frame(frameData, []byte("a"))))
		if status, _, _ := answer(t, s); status != "408" {
			t.Errorf("status %q", status)
		}
	})
	t.Run("response", func(t *testing.T) {
		done := make(chan error, 1)
		b := serve(t, func(d exchange.Downstream) {
			d.(exchange.Limiter).Limit(0, short)
			resp := &message.Response{Status: 200}
			resp.SetBody(&pattern{n: 1 << 30}, message.Unknown)
			done <- d.Reply(resp)
		}, nil)
		_ = open(t, b.dial(), headers(get1)).Close() // and nobody reads
		var re *exchange.ReplyError
		if err := <-done; !errors.As(err, &re) || re.Backend || !errors.Is(err, sock.ErrTimeout) {
			t.Errorf("reply: %v", err)
		}
	})
}
