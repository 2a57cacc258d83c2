package message

import "testing"

func TestValidHost(t *testing.T) {
	for _, h := range []string{"", "a", "a.b.", "A-b_c.d", "a:", "a:0", "a:80", "a:65535", "127.0.0.1:1", "[::1]", "[::1]:80", "[::ffff:1.2.3.4]:", "a,b", "a~b!$&'()*+;="} {
		if !ValidHost(h) {
			t.Errorf("%q is a host", h)
		}
	}
	for _, h := range []string{":80", ":", "a:x", "a:80:90", "a:65536", "a:000080", "a:-1", "a:+1", "a: 80", "a/b", "a@b", "a b", "a#b", "a?b", "a\\b", "a%41", "a%00", "[", "]",
		"[]", "[]:80", "[::1", "::1", "a]", "[a", "[::1]x", "[::1]:x", "[::g]", "[::1%25lo]", "[::1%lo]", "a[b]", "[\u0130:1]", "a\x00", "a\x7f", "\u00e4", "[v1.a]"} {
		if ValidHost(h) {
			t.Errorf("%q is no host", h)
		}
	}
}
