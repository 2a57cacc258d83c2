package message

import "testing"

func TestEscapeQuery(t *testing.T) {
	for _, tt := range []struct{ raw, query, path string }{
		{"", "", ""},
		{"a=1&b=2", "a=1&b=2", "a=1&b=2"},
		{"a=%20", "a=%20", "a=%20"},
		{"a=b c", "a=b%20c", "a=b%20c"},
		{"1\r\nX: y", "1%0D%0AX:%20y", "1%0D%0AX:%20y"},
		{"a=#1", "a=%231", "a=%231"},
		{"a=\"<ü>\"", "a=%22%3C%C3%BC%3E%22", "a=%22%3C%C3%BC%3E%22"},
		{"/a?b:@", "/a?b:@", "/a%3Fb:@"},
		{"\x00\x7f\\^`{|}", "%00%7F%5C%5E%60%7B%7C%7D", "%00%7F%5C%5E%60%7B%7C%7D"},
	} {
		if got := EscapeQuery(tt.raw); got != tt.query {
			t.Errorf("EscapeQuery(%q) = %q, want %q", tt.raw, got, tt.query)
		}
		if got := EscapeRawPath(tt.raw); got != tt.path {
			t.Errorf("EscapeRawPath(%q) = %q, want %q", tt.raw, got, tt.path)
		}
	}
}
