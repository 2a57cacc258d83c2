package message

// longestClaim is as much of a name as Claim compares.
const longestClaim = 32

// Claim reports whether a field of that name says where a request came from, how
// it came or which resource was asked for first: what proxies tell each other,
// and what anybody can write. canonical is false when the name is spelt with
// another separator than "-": servers that make variables of names, as CGI does
// (RFC 3875 4.1.18), take X_Forwarded_For for the same field, and some take any
// byte that is no letter and no digit.
func Claim(name string) (claim, canonical bool) {
	if !mayClaim(name) {
		return false, false
	}
	var b [longestClaim]byte
	n := min(len(name), longestClaim)
	canonical = true
	for i := range n {
		c := name[i]
		switch {
		case letterOrDigit(c):
			c |= 0x20 // digits have that bit
		case c != '-':
			c, canonical = '-', false
		}
		b[i] = c
	}
	for i := n; i < len(name); i++ {
		canonical = canonical && (name[i] == '-' || letterOrDigit(name[i]))
	}
	if k := len("x-forwarded"); n >= k && string(b[:k]) == "x-forwarded" && (n == k || b[k] == '-') {
		return true, canonical
	}
	return len(name) == n && knownClaim(b[:n]), canonical
}

func letterOrDigit(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// mayClaim sorts out the names of everyday fields without a copy.
func mayClaim(name string) bool {
	if len(name) < len("proxy") {
		return false
	}
	second := name[1] | 0x20
	switch name[0] | 0x20 {
	case 'x':
		return true
	case 'c':
		return second == 'f' || second == 'l' // CF-..., Client-..., Cluster-...
	case 'f', 't', 'h', 'r':
		return len(name) >= len("Forwarded")
	case 's':
		return second == 's'
	case 'p':
		return second == 'r'
	case 'w':
		return second == 'l'
	}
	return false
}

// knownClaim knows the names in lower case.
func knownClaim(b []byte) bool {
	switch string(b) {
	case // who asked
		"forwarded", "x-real-ip", "x-real-port", "true-client-ip", "client-ip", "x-client-ip", "x-client-port",
		"x-cluster-client-ip", "cluster-client-ip", "x-forward-for", "x-remote-ip", "x-remote-addr", "remote-addr",
		"x-originating-ip", "x-original-remote-addr", "x-original-forwarded-for", "x-proxyuser-ip", "proxy-client-ip",
		"wl-proxy-client-ip", "http-client-ip", "http-x-forwarded-for", "cf-connecting-ip", "cf-connecting-ipv6",
		"cf-pseudo-ipv4", "fastly-client-ip", "x-azure-clientip", "x-azure-socketip", "x-envoy-external-address",
		"x-envoy-internal", "x-appengine-user-ip", "x-coming-from",
		// how it came
		"front-end-https", "x-scheme", "x-url-scheme", "x-https", "x-ssl", "fastly-ssl", "cf-visitor", "x-arr-ssl",
		"wl-proxy-ssl", "x-proto", "proxy",
		// with which certificate (RFC 9440)
		"client-cert", "client-cert-chain", "x-client-cert", "x-client-dn", "x-client-verify", "x-ssl-cert",
		"x-ssl-client-cert", "x-ssl-client-verify", "x-ssl-client-dn", "x-ssl-client-s-dn", "x-ssl-client-cn",
		"ssl-client-cert", "ssl-client-verify", "ssl-client-s-dn", "x-arr-clientcert",
		// for which resource
		"x-original-url", "x-original-uri", "x-original-path", "x-original-host", "x-original-method", "x-original-proto",
		"x-original-scheme", "x-rewrite-url", "x-override-url", "x-host", "x-http-host-override", "x-envoy-original-path",
		"x-envoy-original-host":
		return true
	}
	return false
}
