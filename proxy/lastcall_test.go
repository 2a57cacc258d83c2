package proxy_test

import (
	"net"
	"testing"
	"time"
)

// TestLastCall checks that a proxy which ends answers clients that have just
// come, or were served a moment ago: their requests may be on their way.
func TestLastCall(t *testing.T) {
	for range 10 {
		begun := time.Now()
		p := start(t, `r: * -> inlineContent("hi") -> <shunt>`)
		fresh, used := p.dial(), p.dial()
		used.send(getH)
		used.read("GET")
		stopped := make(chan struct{})
		go func() { p.stop(); close(stopped) }()
		eventually(t, "the listener is closed", func() bool {
			c, err := net.Dial("tcp", p.addr)
			if err == nil {
				c.Close()
			}
			return err != nil
		})
		<-time.After(100 * time.Millisecond) // more than it takes to look at all connections
		if time.Since(begun) > 700*time.Millisecond {
			<-stopped
			continue // this machine is too busy to say anything
		}
		for name, c := range map[string]*client{"fresh": fresh, "used": used} {
			c.send(getH)
			if a := c.read("GET"); a.body != "hi" || !a.Close {
				t.Errorf("%s: got %s %q, close %v", name, a.Status, a.body, a.Close)
			}
		}
		<-stopped
		return
	}
	t.Skip("this machine is too busy")
}
