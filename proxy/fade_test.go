package proxy_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// TestFadeIn: an endpoint that has just begun gets hardly any requests, and its share
// when it has faded in.
func TestFadeIn(t *testing.T) {
	var hits [2]atomic.Int64
	var addr [2]string
	for i := range addr {
		addr[i] = startBackend(t, func(http.ResponseWriter, *http.Request) { hits[i].Add(1) })
	}
	routes := func(fade string) string {
		return fmt.Sprintf(`r: * -> %s -> <roundRobin, "http://%s", "http://%s">`, fade, addr[0], addr[1])
	}
	const fade = time.Second
	p := start(t, routes(`fadeIn("1s", 4)`))
	c := p.dial()
	send := func(n int) {
		for range n {
			c.send(getH)
			if a := c.read("GET"); a.StatusCode != 200 {
				t.Fatalf("got %s", a.Status)
			}
		}
	}
	<-time.After(fade)
	began := time.Now()
	p.SetTable(p.compile(routes(fmt.Sprintf(`fadeIn("1s", 4) -> endpointCreated("http://%s", %f)`, addr[1], float64(began.UnixNano())/1e9))))
	send(100)
	if took := time.Since(began); took < fade/3 && hits[1].Load() > 10 {
		t.Errorf("after %v the new one got %d of 100", took, hits[1].Load())
	}
	<-time.After(time.Until(began.Add(fade + 50*time.Millisecond)))
	before := hits[1].Load()
	send(100)
	if n := hits[1].Load() - before; n < 40 {
		t.Errorf("when it has faded in it got %d of 100", n)
	}
}
