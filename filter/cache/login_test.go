package cache

import (
	"testing"
	"testing/synctest"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// TestKnownSender sends the same request twice, each time with a sender that a
// filter has found out: by a cookie or a certificate, of which the cache sees
// nothing. A page made for one must not be another's.
func TestKnownSender(t *testing.T) {
	for name, tt := range map[string]struct {
		fields string // of the response
		text   string
		args   []any
		behind bool // the filter that finds out is behind the cache
		want   string
	}{
		"for who asks":          {fields: "Cache-Control: max-age=60", text: "/", want: "MISS"},
		"found out behind":      {fields: "Cache-Control: max-age=60", text: "/", behind: true, want: "MISS"},
		"for everybody":         {fields: "Cache-Control: public, max-age=60", text: "/", want: "HIT"},
		"forced":                {fields: "X: y", text: "/", args: []any{"1m", "10s", "0s"}, want: "MISS"},
		"key without a token":   {fields: "X: y", text: "/", args: []any{"1m", "10s", "0s", "0s", "Authorization"}, want: "MISS"},
		"key with the password": {fields: "X: y", text: "/\nAuthorization: x", args: []any{"1m", "10s", "0s", "0s", "Authorization"}, want: "HIT"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.args...)
				defer w.close()
				var got got
				for _, user := range []string{"alice", ""} {
					x := request(t, tt.text)
					say := func(*message.Request) answer {
						filter.SetState(x.Context, "auth-user", user)
						return answer{200, tt.fields, "body"}
					}
					if !tt.behind {
						_ = say(nil)
					}
					w.backend = say
					got = w.through(w.filter, x)
				}
				if got.how != tt.want {
					t.Errorf("the second is %s, want %s", got.how, tt.want)
				}
			})
		})
	}
}
