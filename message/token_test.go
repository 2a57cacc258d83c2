package message

import (
	"strings"
	"testing"
)

func TestIsToken(t *testing.T) {
	const more = "!#$%&'*+-.^_`|~"
	for c := range 256 {
		s := string([]byte{byte(c)})
		want := c < 128 && (strings.Contains(more, s) || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
		if got := IsToken("x" + s); got != want {
			t.Errorf("%q: got %v", s, got)
		}
	}
	if IsToken("") {
		t.Error("nothing is a token")
	}
}
