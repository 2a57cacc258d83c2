package auth

import (
	"encoding/base64"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/secrets"
)

var _ = filter.Define(filter.Def{
	Name:      "basicAuth",
	Params:    []arg.Param{{Name: "htpasswd", Type: arg.Text}, {Name: "realm", Type: arg.Text, Optional: true}},
	Doc:       "lets users of a file of htpasswd pass who give their password; bcrypt, MD5 (apr1 and 1), SHA-1, SHA-256 and SHA-512 are known",
	Example:   `* -> basicAuth("/etc/fairlead/htpasswd", "Staff only") -> "http://127.0.0.1:8080"`,
	Differs:   "a file that cannot be read or has a line that cannot be understood is an error of the route, where Skipper ends or lets nobody pass; a changed file counts within seconds; who passed is known as auth-user; without TLS passwords can be read by others, which holds for both",
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		realm := "Basic Realm"
		if v.Has(1) {
			realm = v.Text(1)
		}
		if err := filter.CheckFieldValue(realm); err != nil {
			return nil, v.Wrong(1, "%w", err)
		}
		if strings.ContainsAny(realm, "\"\\") {
			return nil, v.Wrong(1, "found %q, expected a realm without quotes and backslashes", realm)
		}
		f := &basicAuth{challenge: `Basic realm="` + realm + `", charset="UTF-8"`, passwords: passwordsIn(env)}
		var err error
		if f.file, err = secrets.Open(secrets.In(env), v.Text(0), parseUsers); err != nil && !env.Offline {
			return nil, v.Wrong(0, "%w", err)
		}
		return f, nil
	},
})

type basicAuth struct {
	filter.RequestOnly
	challenge string
	file      *secrets.File[users] // nil where routes are only checked
	passwords *passwords
}

// Close implements filter.Closer.
func (f *basicAuth) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

func (f *basicAuth) Request(c *filter.Context) {
	user, password, ok := basic(&c.Request.Header)
	if !ok {
		f.refuse(c, missingToken)
		return
	}
	if f.file == nil {
		unavailable(c)
		return
	}
	good, err := f.passwords.check(c.Context(), f.file.Get(), user, password)
	switch {
	case err != nil:
		unavailable(c)
	case !good:
		f.refuse(c, invalidAccess)
	default:
		accept(c, user)
	}
}

func (f *basicAuth) refuse(c *filter.Context, r rejection) {
	refuse(c, message.ReasonUnauthorized, "", r).Header.Add("WWW-Authenticate", f.challenge)
}

// mostBasicBytes bounds what is decoded.
const mostBasicBytes = 4 << 10

// basic returns user and password of a request (RFC 7617).
func basic(h *message.Header) (user, password string, ok bool) {
	coded, ok := credentials(h, "Basic")
	if !ok || len(coded) > mostBasicBytes {
		return "", "", false
	}
	text, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(text), ":")
	if !ok || user == "" || !filter.ValidFieldValue(user) {
		return "", "", false
	}
	return user, password, true
}
