package auth

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// What htpasswd and openssl made of these passwords.
func TestHashes(t *testing.T) {
	cheap, err := bcrypt.GenerateFromPassword([]byte("pass:wörd"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ password, hash string }{
		{"pass:wörd", string(cheap)},
		{"pass:wörd", "$2y$" + string(cheap[4:])},
		{"password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="},
		{"Hello world!", "$apr1$abcdefgh$Unf1zc.jsgCbBQDCL104q."},
		{"Hello world!", "$1$abcdefgh$fzmjzFdo5nMtBG8gtud5e0"},
		{"Hello world!", "$5$abcdefgh$QohcF7QwIaa385DT5GzqHwNlO583.hkCNgp9Vkr/uNC"},
		{"Hello world!", "$6$abcdefgh$4UPJf3qf71iDb8DDBG5r.Jxy3OKpyf7on.yGTrfW2z7BZBicRPXkes.VuTPq3aS6gF63ohT6G9SJv9LejkZLu/"},
	} {
		h, err := parseHash(tt.hash)
		if err != nil {
			t.Errorf("%s: %v", tt.hash, err)
			continue
		}
		if !h.matches(tt.password) {
			t.Errorf("%s: does not match %q", tt.hash, tt.password)
		}
		for _, wrong := range []string{"", tt.password + "x", tt.password[1:], strings.ToUpper(tt.password)} {
			if h.matches(wrong) {
				t.Errorf("%s: matches %q", tt.hash, wrong)
			}
		}
	}
}

// TestHashesOfOpenSSL compares with what openssl makes of passwords of all lengths.
func TestHashesOfOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for _, flag := range []string{"-apr1", "-1", "-5", "-6"} {
		for _, n := range []int{1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100} {
			password := strings.Repeat("pä$ word", 20)[:n]
			out, err := exec.Command(program, "passwd", flag, password).Output()
			if err != nil {
				t.Skipf("openssl passwd %s: %v", flag, err)
			}
			text := strings.TrimSpace(string(out))
			h, err := parseHash(text)
			if err != nil || !h.matches(password) || h.matches(password+"x") {
				t.Errorf("%s of %d bytes: %v", flag, n, err)
			}
		}
	}
}

func TestParseUsers(t *testing.T) {
	const good = "# people\n\nme:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\r\n you:$1$abcdefgh$G//4keteveJp0qb8z2DxG/ \nme:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	u, err := parseUsers([]byte(good))
	if err != nil || len(u.hashes) != 2 || !u.hashes["me"].matches("password") || u.stand.kind == noHash {
		t.Errorf("got %+v, %v", u, err)
	}
	if u, err := parseUsers(nil); err != nil || len(u.hashes) != 0 {
		t.Errorf("got %+v, %v", u, err)
	}
	for text, want := range map[string]string{
		"me\n":                                 "line 1: expected name:hash",
		"\n:{SHA}x":                            "line 2: expected name:hash",
		"me:secret":                            "line 1: user \"me\": found a hash of an unknown kind",
		"me:":                                  "unknown kind",
		"me:$9$a$b":                            "unknown kind",
		"me:rl4Zl0jKeJJKQ":                     "unknown kind",
		"me:{SHA}AAAA":                         "is cut",
		"me:$2y$05$short":                      "is cut",
		"me:$apr1$salt$sum":                    "is cut",
		"me:$5$salt$sum":                       "is cut",
		"me:$6$rounds=999999999$salt$sum":      "for the rounds",
		"me:$2y$31$" + strings.Repeat("a", 53): "cost 31",
	} {
		_, err := parseUsers([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzParseUsers(f *testing.F) {
	f.Add([]byte("me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nyou:$apr1$abcdefgh$G//4keteveJp0qb8z2DxG/"))
	f.Add([]byte("me:$5$rounds=1000$salt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := parseUsers(text)
		if err != nil {
			return
		}
		for name, h := range u.hashes {
			if h.kind == noHash || name == "" {
				t.Errorf("user %q has %+v", name, h)
			}
			if h.kind != bcryptHash && h.rounds <= standardRounds {
				h.matches("x")
			}
		}
	})
}
