package login

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/seal"
	"fairlead.dev/fairlead/message"
)

// Bounds of cookies. Browsers take 4096 bytes for name, value and attributes of
// one (RFC 6265 6.1), and servers on the way about 16 KiB of fields.
const (
	// MostCookies that one session is split into.
	MostCookies = 6
	// pieceSize is what name and value of one take; attributes have the rest.
	pieceSize = 3700
	// mostTried is how many cookies of one name are tried: others of a domain can
	// set some, too (RFC 6265 8.6).
	mostTried = 4
	// mostAttempts that a browser has under way.
	mostAttempts = 10
)

const hostPrefix = "__Host-"

// Jar says how the sessions of some filters are kept in cookies.
type Jar struct {
	// Name of the cookie: a token, not beginning with "__".
	Name string
	// Purpose tells sessions apart that must not be taken for each other: those
	// of other providers and clients. It is authenticated.
	Purpose string
	// Remove is how many labels of the host are left away to get the domain of
	// the cookies; 0 keeps them to the host.
	Remove int
	// Secure keeps cookies off connections without TLS.
	Secure bool
	// Box seals and opens them. It is asked for each time: secrets are rotated.
	Box func() *seal.Box
}

// Visit is what a browser showed and will be told in one exchange.
type Visit struct {
	// Session is what the cookies hold, nil when there is none.
	Session []byte

	jar      *Jar
	name     string // of the first cookie, with its prefix
	host     string // of the request, without port, in lower case
	domain   string
	pieces   []string // names of all cookies of the session that were sent
	attempts []sent   // those of logins under way
	set      []string // values of Set-Cookie
}

// sent is a cookie of the browser.
type sent struct{ name, value string }

// visits of one exchange, one for each jar: a request that is routed again shows
// no cookies any more.
var visits = filter.NewKey[[]*Visit]("login visits")

// Visit reads the cookies of the request and takes them off it.
func (j *Jar) Visit(c *filter.Context) *Visit {
	all, _ := visits.Get(c)
	for _, v := range all {
		if v.jar.Name == j.Name && v.jar.Purpose == j.Purpose {
			return v
		}
	}
	v := &Visit{jar: j}
	v.host = strings.ToLower(strings.TrimSuffix(HostName(c.Original.Host), "."))
	v.name, v.domain = j.names(c.Original.Host)
	var session []sent
	for name, value := range message.AllCookies(&c.Request.Header) {
		switch {
		case !j.owns(name):
		case j.isAttempt(name):
			if len(v.attempts) < 4*mostAttempts {
				v.attempts = append(v.attempts, sent{strings.Clone(name), strings.Clone(value)})
			}
		default:
			if len(session) < mostTried*MostCookies {
				session = append(session, sent{strings.Clone(name), value})
				v.pieces = append(v.pieces, session[len(session)-1].name)
			}
		}
	}
	v.Session = v.open(session)
	if len(session) > 0 || len(v.attempts) > 0 {
		stripCookies(&c.Request.Header, j.owns)
	}
	visits.Set(c, append(all, v))
	return v
}

// names returns the name of the session's cookie for a host, and its domain, ""
// for that host alone.
func (j *Jar) names(host string) (name, domain string) {
	domain = CookieDomain(host, j.Remove)
	if domain == "" && j.Secure {
		return hostPrefix + j.Name, ""
	}
	return j.Name, domain
}

// owns reports whether a cookie is one of the jar's, whatever the host is.
func (j *Jar) owns(name string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(name, hostPrefix), j.Name)
	if !ok {
		return false
	}
	if rest == "" || strings.HasPrefix(rest, attemptMark) {
		return true
	}
	n, ok := strings.CutPrefix(rest, "_")
	return ok && len(n) == 1 && n[0] >= '1' && n[0] < '1'+MostCookies
}

func (j *Jar) isAttempt(name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, hostPrefix), j.Name+attemptMark)
}

// open joins and opens the session. Of several first cookies the one that opens
// counts.
func (v *Visit) open(all []sent) []byte {
	box, tried := v.jar.Box(), 0
	for _, first := range all {
		if first.name != v.name {
			continue
		}
		if tried++; tried > mostTried {
			return nil
		}
		count, text, _ := strings.Cut(first.value, ".")
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > MostCookies {
			continue
		}
		for i := 1; i < n; i++ {
			text += find(all, pieceName(v.name, i))
		}
		sealed, err := box.Open(v.jar.sessionPurpose(), text)
		if scope, plain, ok := bytes.Cut(sealed, []byte(scopeEnd)); err == nil && ok && v.within(string(scope)) {
			return plain
		}
	}
	return nil
}

// scopeEnd stands between the scope of a session and what it holds.
const scopeEnd = "\x00"

// scope is where the session's cookies are for: a host, or with a dot before it a
// domain. Browsers send them nowhere else, but people can.
func (v *Visit) scope() string {
	if v.domain != "" {
		return "." + v.domain
	}
	return v.host
}

// within reports whether the request is for a host of the scope.
func (v *Visit) within(scope string) bool {
	if domain, ok := strings.CutPrefix(scope, "."); ok {
		return CoversHost(domain, v.host)
	}
	return scope == v.host
}

func (j *Jar) sessionPurpose() string { return "session " + j.Purpose }

func find(all []sent, name string) string {
	for _, s := range all {
		if s.name == name {
			return s.value
		}
	}
	return ""
}

func pieceName(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "_" + strconv.Itoa(i)
}

// Keep makes plain the session of the browser for so long. It fails when plain
// does not fit into MostCookies.
func (v *Visit) Keep(plain []byte, age time.Duration) error {
	sealed := append([]byte(v.scope()+scopeEnd), plain...)
	text := v.jar.Box().Seal(v.jar.sessionPurpose(), sealed)
	size := pieceSize - len(v.name) - len("_1=1.")
	n := (len(text) + size - 1) / size
	if n > MostCookies {
		return fmt.Errorf("the session has %d bytes, which is more than %d cookies hold: ask for fewer scopes and claims", len(plain), MostCookies)
	}
	seconds := int64(max(age/time.Second, 1))
	for i := range n {
		piece := text[i*size : min(len(text), (i+1)*size)]
		if i == 0 {
			piece = strconv.Itoa(n) + "." + piece
		}
		v.setCookie(pieceName(v.name, i), piece, seconds)
	}
	v.forgetPieces(n)
	v.Session = plain
	return nil
}

// Forget ends the session in the browser.
func (v *Visit) Forget() {
	v.forgetPieces(0)
	v.Session = nil
}

// forgetPieces deletes the cookies from number on that the browser has.
func (v *Visit) forgetPieces(from int) {
	kept := map[string]bool{}
	for i := range from {
		kept[pieceName(v.name, i)] = true
	}
	for _, name := range v.pieces {
		if !kept[name] {
			kept[name] = true
			v.setCookie(name, "", 0)
		}
	}
}

// setCookie sets a cookie for so many seconds, or deletes it.
func (v *Visit) setCookie(name, value string, seconds int64) {
	var b strings.Builder
	b.WriteString(name + "=" + value + "; Path=/; Max-Age=" + strconv.FormatInt(seconds, 10))
	if v.domain != "" && !strings.HasPrefix(name, hostPrefix) {
		b.WriteString("; Domain=" + v.domain)
	}
	b.WriteString("; HttpOnly; SameSite=Lax")
	if v.jar.Secure || strings.HasPrefix(name, hostPrefix) {
		b.WriteString("; Secure")
	}
	v.set = append(v.set, b.String())
}

// Tell writes what the browser is to keep or forget into the header of a response,
// once. No cache may keep such a response.
func (v *Visit) Tell(h *message.Header) {
	if len(v.set) == 0 {
		return
	}
	for _, set := range v.set {
		h.Add("Set-Cookie", set)
	}
	v.set = nil
	h.Set("Cache-Control", "no-store")
}

// stripCookies removes cookies from the Cookie fields.
func stripCookies(h *message.Header, ours func(name string) bool) {
	fields := h.Fields()
	for i := range fields {
		if !message.EqualName(fields[i].Name, "Cookie") {
			continue
		}
		var b strings.Builder
		for pair := range strings.SplitSeq(fields[i].Value, ";") {
			pair = strings.Trim(pair, " \t")
			name, _, _ := strings.Cut(pair, "=")
			if pair == "" || ours(strings.Trim(name, " \t")) {
				continue
			}
			if b.Len() > 0 {
				b.WriteString("; ")
			}
			b.WriteString(pair)
		}
		fields[i].Value = b.String()
	}
	h.DelFunc(func(f message.Field) bool { return f.Value == "" && message.EqualName(f.Name, "Cookie") })
}

// CookieDomain returns host without its port and without as many labels as remove
// says, for the Domain of a cookie: "" means that no domain is to be named, and
// the cookie is for the host alone. So it is when nothing is to be removed, for
// addresses, and when fewer than two labels would remain.
func CookieDomain(host string, remove int) string {
	host = strings.ToLower(strings.TrimSuffix(HostName(host), "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || remove <= 0 || !domainChars(host) {
		return ""
	}
	labels := strings.Split(host, ".")
	if len(labels)-remove < 2 {
		return ""
	}
	return strings.Join(labels[remove:], ".")
}

func domainChars(host string) bool {
	for i := range len(host) {
		c := host[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

// HostName returns host without its port.
func HostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}
