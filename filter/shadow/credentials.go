package shadow

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"fairlead.dev/fairlead/message"
)

// Another server is told nothing that it could use to act for the client: a
// mirror is often a test system, with more readers and less care than what it
// mirrors.

// credentialField reports whether a field carries what proves who somebody is (RFC 9110
// 11.6, RFC 6265, RFC 9440, RFC 9449).
func credentialField(name string) bool {
	switch name = strings.ToLower(name); name {
	case "authorization", "cookie", "cookie2", "dpop", "client-cert", "client-cert-chain", "x-forwarded-client-cert",
		"x-client-cert", "x-ssl-client-cert", "x-amzn-oidc-data", "x-amzn-oidc-identity", "x-goog-iap-jwt-assertion",
		"cf-access-jwt-assertion", "x-session-id", "x-sessionid":
		return true
	}
	for _, part := range [...]string{"token", "secret", "password", "api-key", "apikey", "api_key", "credential", "authorization", "signature", "access-key"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return strings.HasPrefix(name, "x-auth-") || strings.HasSuffix(name, "-jwt")
}

// forProxy reports whether a field is for the next hop and never passed on (RFC
// 9110 7.6.1, 11.7).
func forProxy(f message.Field) bool {
	return f.Kind != message.KindOther || message.EqualName(f.Name, "Proxy-Authorization") || message.EqualName(f.Name, "Proxy-Authenticate")
}

// credentialParameter is for the query (RFC 6750 2.3).
func credentialParameter(name string) bool {
	decoded, ok := message.UnescapeQuery(name)
	if !ok {
		return true // nobody knows what it is called
	}
	switch strings.ToLower(decoded) {
	case "access_token", "id_token", "refresh_token", "client_secret", "client_assertion", "password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "x-amz-security-token", "x-amz-signature":
		return true
	}
	return false
}

// withoutCredentials returns query without the parameters that carry some.
func withoutCredentials(query string) string {
	found := false
	for name := range message.RawQuery(query) {
		found = found || credentialParameter(name)
	}
	if !found {
		return query
	}
	kept := make([]string, 0, 8)
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); !credentialParameter(name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// fieldsFor returns the fields of a shadow.
func fieldsFor(from *message.Header, credentials bool) http.Header {
	h := make(http.Header, from.Len()+2)
	for _, f := range from.Fields() {
		if !forProxy(f) && (credentials || !credentialField(f.Name)) {
			h.Add(f.Name, f.Value)
		}
	}
	h.Set(marker, "yes")
	if h.Get("User-Agent") == "" {
		h["User-Agent"] = nil // nothing of our own
	}
	return h
}

// hosts are those of -shadow-credentials-hosts.
type hosts struct {
	all   bool
	names []string // ".example.org" for all below
}

func newHosts(items []string) (hosts, error) {
	var h hosts
	for _, item := range items {
		item = strings.ToLower(strings.TrimSpace(item))
		name := strings.TrimPrefix(item, "*")
		switch {
		case item == "":
		case item == "all":
			h.all = true
		case strings.ContainsAny(name, "*/@ ") || !message.ValidHost(strings.TrimPrefix(name, ".")) || strings.Trim(name, ".") == "":
			return h, fmt.Errorf("-shadow-credentials-hosts: found %q, expected a host, *.example.org or all", item)
		default:
			h.names = append(h.names, name)
		}
	}
	return h, nil
}

// trusts reports whether host, without a port, is one of them.
func (h *hosts) trusts(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return h.all || slices.ContainsFunc(h.names, func(name string) bool {
		return host == name || name[0] == '.' && strings.HasSuffix(host, name)
	})
}
