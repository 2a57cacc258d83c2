package sock

import (
	"testing"

	"fairlead.dev/fairlead/kit/buf"
)

// serveTLS answers count requests on c, as a server does.
func serveTLS(c *Conn, count int) error {
	head, body := make([]byte, 120), make([]byte, 100)
	for range count {
		b, n, err := c.FillIdle(0, buf.Medium, false)
		if err != nil || n == 0 {
			return err
		}
		buf.Put(b)
		if err := c.WriteTwo(head, body); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkTLSKeepAlive(b *testing.B) {
	c, peer := secure(b, nil)
	done := make(chan error, 1)
	b.ReportAllocs()
	b.ResetTimer()
	go func() { done <- serveTLS(c, b.N) }()
	request, answer := make([]byte, 150), make([]byte, 1024)
	for range b.N {
		if _, err := peer.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := peer.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
