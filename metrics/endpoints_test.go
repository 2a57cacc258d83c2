package metrics

import (
	"fmt"
	"strings"
	"testing"
)

func TestEndpoints(t *testing.T) {
	m, err := New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.EndpointHealthy("http://a:80", true)
	m.EndpointHealthy("http://b:80", true)
	m.EndpointHealthy("http://b:80", false)
	m.EndpointHealthy("http://c:80", false)
	m.EndpointGone("http://c:80")
	text := scrape(t, m)
	has(t, text, `fairlead_endpoint_healthy{endpoint="http://a:80"} 1`)
	has(t, text, `fairlead_endpoint_healthy{endpoint="http://b:80"} 0`)
	if strings.Contains(text, "http://c:80") {
		t.Error("an endpoint that is gone is shown")
	}
	for i := range maxEndpoints + 10 {
		m.EndpointHealthy(fmt.Sprint("http://x:", i), true)
	}
	if n := len(m.endpoints.healthy); n != maxEndpoints {
		t.Errorf("%d are kept", n)
	}
	var none *Metrics
	none.EndpointHealthy("a", true)
	none.EndpointGone("a")
}
