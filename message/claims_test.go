package message

import (
	"strings"
	"testing"
)

func TestClaim(t *testing.T) {
	for _, name := range strings.Fields(`
		X-Forwarded-For x-forwarded-for X-FORWARDED-FOR X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port
		X-Forwarded-Prefix X-Forwarded-Uri X-Forwarded-Method X-Forwarded-Server X-Forwarded-Ssl X-Forwarded-Scheme
		X-Forwarded-By X-Forwarded-Protocol X-Forwarded-User X-Forwarded-Client-Cert X-Forwarded-Tls-Client-Cert-Info
		X-Forwarded X-Real-IP X-Real-Ip Forwarded True-Client-IP X-Client-IP Client-IP X-Cluster-Client-IP
		X-Original-URL X-Rewrite-URL X-Original-Host Front-End-Https CF-Connecting-IP Fastly-Client-IP
		WL-Proxy-Client-IP Proxy-Client-IP X-Envoy-External-Address Client-Cert X-SSL-Client-Cert Proxy`) {
		if claim, canonical := Claim(name); !claim || !canonical {
			t.Errorf("%s: claim %v, canonical %v", name, claim, canonical)
		}
		if strings.IndexByte(name, '-') < 0 {
			continue
		}
		for _, sep := range "_.!~|`^'*+#$%&" {
			alias := strings.ReplaceAll(name, "-", string(sep))
			once := strings.Replace(name, "-", string(sep), 1)
			for _, a := range []string{alias, once, strings.ToUpper(alias)} {
				if claim, canonical := Claim(a); !claim || canonical {
					t.Errorf("%s: claim %v, canonical %v", a, claim, canonical)
				}
			}
		}
	}
	long := "X-Forwarded-" + strings.Repeat("a", 100)
	if claim, canonical := Claim(long); !claim || !canonical {
		t.Errorf("%s: claim %v, canonical %v", long, claim, canonical)
	}
	if claim, canonical := Claim(long + ".b"); !claim || canonical {
		t.Errorf("%s.b: claim %v, canonical %v", long, claim, canonical)
	}
}

func TestNoClaim(t *testing.T) {
	for _, name := range strings.Fields(`
		Host Accept Accept-Encoding Cookie Content-Type Content-Length Connection Cache-Control Authorization User-Agent
		Referer Range Via TE From Date Trailer Traceparent Tracestate Transfer-Encoding Sec-Fetch-Site Sec-WebSocket-Key
		X-Flow-Id X-Request-Id X-Requested-With X-B3-Traceid X-Http-Method-Override Proxy-Authorization Proxy-Connection
		HTTP2-Settings Priority Pragma X-Forwardedfor X-Forwarde X Xforwarded-For X-Amzn-Trace-Id Warning Retry-After`) {
		if claim, _ := Claim(name); claim {
			t.Errorf("%s is no claim", name)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		Claim("X-Forwarded-Proto")
		Claim("x_forwarded_for")
		Claim("X-Unknown-Field-With-A-Very-Long-Name-Indeed")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
