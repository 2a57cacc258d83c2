package usage

import (
	"regexp"

	"fairlead.dev/fairlead/kit/claims"
	"fairlead.dev/fairlead/message"
)

// who is a client and its realm, as keys have them.
type who struct{ realm, client string }

// longestName bounds what a client may call itself.
const longestName = 128

// asker finds out who asks.
type asker struct {
	realmKeys, clientKeys []string
	realms                *regexp.Regexp
}

// ask returns who sends r, as far as clients is to know it; clients of nil knows
// nobody. The strings may end with the exchange.
func (a *asker) ask(r *message.Request, clients *regexp.Regexp) who {
	token, ok := claims.Bearer(r.Header.Get("Authorization"))
	if !ok {
		return who{unknown, unknown}
	}
	var few [1024]byte
	payload, ok := claims.Decode(token, few[:])
	if !ok {
		return who{unknown, unknown}
	}
	realm, ok := first(payload, a.realmKeys)
	if !ok {
		return who{unknown, unknown}
	}
	if a.realms != nil && !a.realms.MatchString(realm) {
		return who{realm, "{all}"}
	}
	client, ok := first(payload, a.clientKeys)
	switch {
	case !ok:
		return who{realm, unknown}
	case clients == nil || !clients.MatchString(client):
		return who{realm, "{no-match}"}
	}
	return who{realm, client}
}

// first returns the first of the claims that is a text of decent length.
func first(p claims.Payload, names []string) (string, bool) {
	for _, name := range names {
		if v, ok := p.Text(name); ok && v != "" && len(v) <= longestName {
			return v, true
		}
	}
	return "", false
}
