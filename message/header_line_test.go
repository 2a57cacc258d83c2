package message

import "testing"

// TestHeaderIsOneLine checks that no name or value can become two fields.
func TestHeaderIsOneLine(t *testing.T) {
	put := map[string]func(*Header, string, string){"Add": (*Header).Add, "Set": (*Header).Set}
	for how, put := range put {
		for _, c := range []struct{ name, value, want string }{
			{"A", "b", "b"},
			{"A", "", ""},
			{"A", "b\tc \xc3\xa4", "b\tc \xc3\xa4"},
			{"A", "b\r\nC: d", "b  C: d"},
			{"A", "b\x00\x7f\x1b", "b   "},
			{"A\r\nB", "c", "none"},
			{"A:", "c", "none"},
			{"A B", "c", "none"},
			{"", "c", "none"},
		} {
			var h Header
			put(&h, c.name, c.value)
			got := "none"
			if h.Len() > 0 {
				got = h.At(0).Value
			}
			if got != c.want {
				t.Errorf("%s(%q, %q): got %q, want %q", how, c.name, c.value, got, c.want)
			}
		}
	}
}

func TestDelVariants(t *testing.T) {
	var h Header
	for _, name := range []string{"X-Auth-User", "x_auth_user", "X-AUTH.USER", "X-Auth-User2", "X-Auth", "Accept"} {
		h.Add(name, "v")
	}
	h.DelVariants("X-Auth-User")
	if h.Len() != 3 || h.Has("X-Auth-User") || !h.Has("X-Auth-User2") {
		t.Errorf("left: %v", h.Fields())
	}
}
