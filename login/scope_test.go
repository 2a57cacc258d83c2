package login

import (
	"testing"
	"time"
)

// A session counts on the hosts that its cookies were for, and not wherever
// somebody takes them: another host may be for users of another kind.
func TestSessionOfAnotherHost(t *testing.T) {
	for _, tt := range []struct {
		remove   int
		at, then string
		want     bool
	}{
		{0, "www.example.org", "WWW.example.org:443", true},
		{0, "www.example.org", "api.example.org", false},
		{0, "www.example.org", "a.www.example.org", false},
		{0, "[::1]:80", "[::1]", true},
		{1, "www.example.org", "api.example.org", true},
		{1, "www.example.org", "a.b.example.org", true},
		{1, "www.example.org", "example.org", true},
		{1, "www.example.org", "www.example.net", false},
		{1, "www.example.org", "www.an-example.org", false},
		{1, "a.b.example.org", "www.example.org", false},
		{1, "example.org", "example.org", true},
		{1, "example.org", "www.example.org", false}, // no domain was named
	} {
		j, b := newJar(t, tt.remove), newBrowser(t, tt.at)
		_, v := b.visit(j)
		if err := v.Keep([]byte("x\x00y"), time.Hour); err != nil {
			t.Fatal(err)
		}
		b.leave(v)
		for name, value := range b.cookies { // it has the name of the other host
			delete(b.cookies, name)
			name, _ = j.names(tt.then)
			b.cookies[name] = value
		}
		b.host = tt.then
		if _, v := b.visit(j); (v.Session != nil) != tt.want || tt.want && string(v.Session) != "x\x00y" {
			t.Errorf("%s, then %s: got %q", tt.at, tt.then, v.Session)
		}
	}
}
