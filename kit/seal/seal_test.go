package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func secret(c string) []byte { return []byte(strings.Repeat(c, 32)) }

func mustNew(t testing.TB, secrets ...[]byte) *Box {
	t.Helper()
	b, err := New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealAndOpen(t *testing.T) {
	b := mustNew(t, secret("a"))
	for _, plain := range []string{"", "x", strings.Repeat("long ", 5000)} {
		text := b.Seal("p", []byte(plain))
		got, err := b.Open("p", text)
		if err != nil || string(got) != plain {
			t.Errorf("%d bytes came back as %d: %v", len(plain), len(got), err)
		}
		if want := (len(plain)+head+16)*4/3 + 4; len(text) > want {
			t.Errorf("%d bytes became %d, expected %d at most", len(plain), len(text), want)
		}
		if text == b.Seal("p", []byte(plain)) {
			t.Error("the same text was sealed in the same way twice")
		}
	}
}

// A text that is changed anywhere, cut, or used for something else does not open.
func TestOpenRefuses(t *testing.T) {
	b := mustNew(t, secret("a"))
	text := b.Seal("p", []byte("attack at dawn"))
	try := func(what string, box *Box, purpose, text string) {
		t.Helper()
		if plain, err := box.Open(purpose, text); !errors.Is(err, ErrNotOurs) || plain != nil {
			t.Errorf("%s: %q, %v", what, plain, err)
		}
	}
	for i := range len(text) {
		for _, c := range []byte{'A', 'B', '_'} {
			if changed := text[:i] + string(c) + text[i+1:]; changed != text {
				try("changed", b, "p", changed)
			}
		}
		try("cut", b, "p", text[:i])
	}
	try("another purpose", b, "q", text)
	try("another secret", mustNew(t, secret("b")), "p", text)
	try("longer", b, "p", text+"AAAA")
	try("padded", b, "p", text+"=")
	try("no base64", b, "p", "!!!")
}

// The first secret seals, all of them open.
func TestRotation(t *testing.T) {
	old, between, next := mustNew(t, secret("a")), mustNew(t, secret("b"), secret("a")), mustNew(t, secret("b"))
	was := old.Seal("p", []byte("x"))
	if _, err := between.Open("p", was); err != nil {
		t.Errorf("the old secret does not open any more: %v", err)
	}
	is := between.Seal("p", []byte("x"))
	if _, err := next.Open("p", is); err != nil {
		t.Errorf("the new secret did not seal: %v", err)
	}
	if _, err := next.Open("p", was); err == nil {
		t.Error("a secret that is gone still opens")
	}
}

// A short secret is stretched, and opens nothing that another one sealed.
func TestStretch(t *testing.T) {
	short := []byte("sixteen bytes ok")
	b := mustNew(t, short)
	if _, err := mustNew(t, short).Open("p", b.Seal("p", []byte("x"))); err != nil {
		t.Error(err)
	}
}

func TestWrongSecrets(t *testing.T) {
	for name, secrets := range map[string][][]byte{
		"none":  nil,
		"short": {[]byte("topsecret")},
		"many":  bytes.Split(bytes.Repeat(append(secret("a"), ','), MostSecrets+1), []byte(",")),
	} {
		_, err := New(secrets...)
		if err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"":                "",
		" \n,\r\n":        "",
		"one\n":           "one",
		"one,two":         "one|two",
		"one\r\n two \n,": "one|two",
		"a b":             "a b",
	} {
		if got := string(bytes.Join(ParseSecrets([]byte(text)), []byte("|"))); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	b := mustNew(f, secret("a"))
	f.Add(b.Seal("p", []byte("x")))
	f.Add("")
	f.Add("AQAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if plain, err := b.Open("q", text); err == nil || plain != nil {
			t.Errorf("%q was opened for a purpose that nothing was sealed for: %q", text, plain)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	box := mustNew(b, secret("a"))
	text := box.Seal("p", make([]byte, 2000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := box.Open("p", text); err != nil {
			b.Fatal(err)
		}
	}
}
