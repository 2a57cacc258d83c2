package admin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// guarded refuses what the page of another site makes a browser ask for: routes
// and metrics are nobody's business out there, and profiles cost. Browsers are
// in private networks, where this port is open, and so are the pages they show.
// Whoever is no browser is not asked: probes and Prometheus send neither Origin
// nor Sec-Fetch-Site. Health is for everybody.
type guarded struct{ next http.Handler }

func (g guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if why := foreign(r); why != "" && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
		text(w, http.StatusForbidden, why)
		return
	}
	g.next.ServeHTTP(w, r)
}

// foreign says why a request was made by the page of another site, "" when
// nothing speaks for that.
func foreign(r *http.Request) string {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" || origin != "" && !sameHost(origin, r.Host) {
		return "requests of pages of other sites are refused\n"
	}
	browser := site != "" || origin != "" || r.Header.Get("Accept-Language") != "" || strings.HasPrefix(r.UserAgent(), "Mozilla/")
	if browser && !ownName(r.Host) {
		// The name may lead here only since the page was loaded (DNS rebinding).
		return "this name is not known here: use the address of the machine\n"
	}
	return ""
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// ownName reports whether a Host cannot be the name of a site elsewhere: an
// address, a name without dots, a name that only private networks give, or our
// own.
func ownName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || strings.IndexByte(host, '.') < 0 {
		return true
	}
	for _, private := range [...]string{".localhost", ".local", ".internal", ".svc", ".home.arpa", ".lan", ".test"} {
		if strings.HasSuffix(host, private) {
			return true
		}
	}
	own, err := os.Hostname()
	return err == nil && host == strings.ToLower(own)
}
