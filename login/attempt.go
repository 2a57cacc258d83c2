package login

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// attemptMark stands between the name of a jar and that of an attempt.
const attemptMark = "-login-"

const (
	// attemptAge is how long somebody may take to log in.
	attemptAge = 10 * time.Minute
	// longestReturn is the longest URL to come back to; of longer ones the query,
	// then the path, is left away.
	longestReturn = 1500
)

// ErrNoAttempt says that this browser has not begun the login that is answered, or
// too long ago, or that it was answered already.
var ErrNoAttempt = errors.New("this browser has begun no such login, or too long ago, or it was answered already")

// Attempt is a login under way. It is kept by the browser, sealed.
type Attempt struct {
	// State comes back with the answer.
	State string `json:"s"`
	// Nonce stands in the ID token.
	Nonce string `json:"n"`
	// Verifier of PKCE (RFC 7636 4.1).
	Verifier string `json:"v"`
	// Return is where the browser goes then.
	Return string `json:"r"`
	// Callback is the redirect URI of the login.
	Callback string `json:"c"`
	// Expires in Unix seconds.
	Expires int64 `json:"e"`
}

// Begin begins a login: what it returns stands in a cookie of the response when
// Tell has written it.
func (v *Visit) Begin(callback, back string) (*Attempt, error) {
	a := &Attempt{
		State: random(), Nonce: random(), Verifier: random(), Return: back, Callback: callback,
		Expires: time.Now().Add(attemptAge).Unix(),
	}
	plain, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if len(v.attempts) >= mostAttempts {
		// Somebody makes the browser begin logins: it need not keep them all.
		for _, old := range v.attempts {
			v.setCookie(old.name, "", 0)
		}
	}
	v.setCookie(v.attemptName(a.State), v.jar.Box().Seal(v.jar.attemptPurpose(), plain), int64(attemptAge/time.Second))
	return a, nil
}

// Finish returns the login that state belongs to, if this browser has begun it,
// and ends it. The error is ErrNoAttempt.
func (v *Visit) Finish(state string) (*Attempt, error) {
	name, box := v.attemptName(state), v.jar.Box()
	if state == "" {
		return nil, ErrNoAttempt
	}
	for i, s := range v.attempts {
		if s.name != name {
			continue
		}
		plain, err := box.Open(v.jar.attemptPurpose(), s.value)
		if err != nil {
			continue // somebody else may have set a cookie of that name, too
		}
		v.attempts = append(v.attempts[:i], v.attempts[i+1:]...)
		v.setCookie(name, "", 0)
		var a Attempt
		if json.Unmarshal(plain, &a) != nil || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 || time.Now().Unix() >= a.Expires {
			return nil, ErrNoAttempt
		}
		return &a, nil
	}
	return nil, ErrNoAttempt
}

func (j *Jar) attemptPurpose() string { return "login " + j.Purpose }

// attemptName returns the name of the cookie for a state: logins in several tabs
// have one each.
func (v *Visit) attemptName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return v.name + attemptMark + base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Challenge returns the PKCE challenge of the verifier (S256, RFC 7636 4.2).
func (a *Attempt) Challenge() string {
	sum := sha256.Sum256([]byte(a.Verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// random returns 256 random bits as text.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails: the process would have ended
	return base64.RawURLEncoding.EncodeToString(b)
}

// ReturnURL returns the URL that the client asked for, to come back to. It cannot
// lead to another host than the one of the request.
func ReturnURL(c *filter.Context, scheme string) string {
	host := c.Original.Host
	if !filter.ValidHost(host) {
		return "/"
	}
	base := scheme + "://" + strings.Clone(host)
	path := "/" + strings.TrimLeft(message.EscapeRawPath(c.Original.RawPath), "/")
	query := message.EscapeQuery(c.Original.Query)
	switch {
	case query != "" && len(base)+len(path)+1+len(query) <= longestReturn:
		return base + path + "?" + query
	case len(base)+len(path) <= longestReturn:
		return base + path
	}
	return base + "/"
}

// SafeReturn returns where a browser at host may be sent: back if it is of that
// host or of the jar's domain, "/" otherwise. back was sealed by us, but for a
// host that may not be ours any more.
func (v *Visit) SafeReturn(back, host string) string {
	u, err := url.Parse(back)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "/"
	}
	name := strings.ToLower(u.Hostname())
	if name == strings.ToLower(strings.Trim(HostName(host), "[]")) || v.domain != "" && CoversHost(v.domain, name) {
		return back
	}
	return "/"
}

// CoversHost reports whether cookies of the domain go to the host called name.
func CoversHost(domain, name string) bool {
	name = strings.ToLower(name)
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// Reaches reports whether cookies that are set for the host of the exchange get
// to host, where the provider sends the browser.
func (v *Visit) Reaches(c *filter.Context, host string) bool {
	name := strings.ToLower(HostName(host))
	if v.domain != "" {
		return CoversHost(v.domain, name)
	}
	return name == strings.ToLower(HostName(c.Original.Host))
}
