package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// damage is what can be wrong with the files of a.test.
type damage struct {
	name      string
	cert, key func(good certtest.Pair, ca *certtest.CA) []byte // nil: as it is; returning nil: no file
	says      []string
}

func same2(good certtest.Pair, _ *certtest.CA) []byte { return good.CertPEM }

func damages(t *testing.T) []damage {
	t.Helper()
	return []damage{
		{"half PEM", func(g certtest.Pair, _ *certtest.CA) []byte { return g.CertPEM[:len(g.CertPEM)/2] }, nil,
			[]string{"a.crt", "block 1 (line 1)", "BEGIN CERTIFICATE without END", "write the whole of it"}},
		{"half key", nil, func(g certtest.Pair, _ *certtest.CA) []byte { return g.KeyPEM[:len(g.KeyPEM)-30] },
			[]string{"a.key", "without END"}},
		{"second half", func(g certtest.Pair, _ *certtest.CA) []byte { return g.CertPEM[40:] }, nil,
			[]string{"a.crt", "END without BEGIN"}},
		{"half an intermediate", func(g certtest.Pair, ca *certtest.CA) []byte {
			return append(bytes.Clone(g.CertPEM), ca.CertPEM[:100]...)
		}, nil, []string{"a.crt", "block 2 (line "}},
		{"two begins", func(g certtest.Pair, _ *certtest.CA) []byte {
			return append(bytes.Clone(g.CertPEM[:200]), append([]byte("\n"), g.CertPEM...)...)
		}, nil, []string{"a.crt", "another BEGIN"}},
		{"not base64", func(g certtest.Pair, _ *certtest.CA) []byte {
			return bytes.Replace(g.CertPEM, []byte("\nM"), []byte("\n!"), 1)
		}, nil, []string{"a.crt", "no well-formed PEM"}},
		{"not a certificate", func(certtest.Pair, *certtest.CA) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("hello")})
		}, nil, []string{"a.crt", "block 1 (line 1)"}},
		{"empty", func(certtest.Pair, *certtest.CA) []byte { return []byte(" \n") }, nil, []string{"a.crt", "empty"}},
		{"DER", func(g certtest.Pair, _ *certtest.CA) []byte { return g.TLS.Certificate[0] }, nil, []string{"a.crt", "DER"}},
		{"a key for a certificate", func(g certtest.Pair, _ *certtest.CA) []byte { return g.KeyPEM }, nil,
			[]string{"a.crt", `"PRIVATE KEY"`, "expected a CERTIFICATE"}},
		{"a certificate for a key", nil, same2, []string{"a.key", "expected a PRIVATE KEY"}},
		{"encrypted key", nil, func(certtest.Pair, *certtest.CA) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
		}, []string{"a.key", "encrypted", "decrypt it"}},
		{"mismatched key", nil, func(_ certtest.Pair, ca *certtest.CA) []byte { return ca.KeyPEM },
			[]string{"a.crt", "a.key", "does not match", "give the key"}},
		{"intermediate first", func(g certtest.Pair, ca *certtest.CA) []byte {
			return append(bytes.Clone(ca.CertPEM), g.CertPEM...)
		}, nil, []string{"a.crt", "belongs to block 2", "first"}},
		{"line breaks lost", nil, func(g certtest.Pair, _ *certtest.CA) []byte {
			return bytes.ReplaceAll(g.KeyPEM, []byte("\n"), []byte(" "))
		}, []string{"a.key", "without END"}},
		{"line breaks lost in the middle", nil, func(g certtest.Pair, _ *certtest.CA) []byte {
			return bytes.Replace(g.KeyPEM, []byte("-----\n"), []byte(" "), 1)
		}, []string{"a.key", "no well-formed PEM"}},
		{"no key", nil, func(certtest.Pair, *certtest.CA) []byte { return nil }, []string{"a.key", "no such file"}},
		{"too long", func(certtest.Pair, *certtest.CA) []byte { return bytes.Repeat([]byte("\n"), 2<<20) }, nil,
			[]string{"a.crt", "more than"}},
	}
}

// apply writes what is wrong over the files of good.
func (d damage) apply(t *testing.T, dir string, good certtest.Pair, ca *certtest.CA) {
	t.Helper()
	for name, change := range map[string]func(certtest.Pair, *certtest.CA) []byte{"a.crt": d.cert, "a.key": d.key} {
		if change == nil {
			continue
		}
		if text := change(good, ca); text != nil {
			certtest.WriteFile(t, join(dir, name), text)
		} else if err := os.Remove(join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBrokenFiles checks each damage three times: at the start it refuses to
// start, in a folder it leaves one pair out, and later the last good one serves.
func TestBrokenFiles(t *testing.T) {
	ca := certtest.New(t, "ca")
	for _, d := range damages(t) {
		t.Run(d.name, func(t *testing.T) {
			good, other := ca.Server(t, "a.test"), ca.Server(t, "b.test")
			dir := t.TempDir()
			option := files(t, good, dir, "a")
			k, l := keep(t, option)
			p, _ := keep(t, func(v *Values) { v.CertDir = dir })

			d.apply(t, dir, good, ca)
			other.Write(t, dir, "b")
			if _, err := New(Config{Options: set(option)}); err == nil {
				t.Error("it started")
			} else {
				wants(t, "the error of the start", err.Error(), d.says...)
				secretless(t, err.Error(), good, ca.Pair)
			}

			if !k.look(false) {
				t.Error("a broken file is not looked at again")
			}
			if l.String() != "" && strings.Contains(l.String(), "ERROR") {
				t.Errorf("the first look told already: %s", l)
			}
			k.look(false)
			k.look(true)
			wants(t, "the log", strings.ReplaceAll(l.String(), `\"`, `"`), d.says...)
			wants(t, "the log", l.String(), "last good")
			if n := strings.Count(l.String(), "ERROR"); n != 1 {
				t.Errorf("told %d times:\n%s", n, l)
			}
			secretless(t, l.String(), good, ca.Pair)
			if n := got(t, k.Store(), hello("a.test")); n != "a.test" || k.Failing() != 1 {
				t.Errorf("a.test gets %q, %d files fail", n, k.Failing())
			}

			p.look(false)
			p.look(false)
			q, _ := keep(t, func(v *Values) { v.CertDir = dir })
			for what, c := range map[string]struct {
				store      *Store
				name, want string
			}{
				"a folder that changed":           {p.Store(), "a.test", "a.test"},
				"a new pair beside a broken one":  {p.Store(), "b.test", "b.test"},
				"a broken pair of the start":      {q.Store(), "a.test", ""},
				"the pair beside it at the start": {q.Store(), "b.test", "b.test"},
			} {
				if n := got(t, c.store, hello(c.name)); n != c.want {
					t.Errorf("%s: %s gets %q, expected %q", what, c.name, n, c.want)
				}
			}
			if q.Failing() != 1 {
				t.Errorf("%d pairs of the folder fail, expected 1", q.Failing())
			}

			// And it recovers.
			newer := ca.Server(t, "a.test")
			newer.Write(t, dir, "a")
			for _, k := range []*Keeper{k, p, q} {
				k.look(false)
				c, err := k.Store().Get(hello("a.test"))
				if err != nil || c == nil || c.Leaf.SerialNumber.Cmp(newer.TLS.Leaf.SerialNumber) != 0 || k.Failing() != 0 {
					t.Errorf("the good files after it do not serve (%v, %d fail)", err, k.Failing())
				}
			}
		})
	}
}

// TestExpired checks that an expired certificate serves with a warning, and
// never over a valid one.
func TestExpired(t *testing.T) {
	ca := certtest.New(t, "ca")
	dir := t.TempDir()
	option := files(t, ca.Expired(t, "a.test"), dir, "a")
	k, l := keep(t, option)
	if n := got(t, k.Store(), hello("a.test")); n != "a.test" {
		t.Errorf("a.test gets %q", n)
	}
	wants(t, "the log", l.String(), "WARN", "has expired", "a.crt", "renew it")

	good := ca.Server(t, "a.test")
	for what, bad := range map[string]certtest.Pair{
		"expired": ca.Expired(t, "a.test"),
		"early":   ca.Issue(t, certtest.Leaf{Names: []string{"a.test"}, NotBefore: time.Now().Add(time.Hour)}),
	} {
		good.Write(t, dir, "a")
		k, l := keep(t, option)
		bad.Write(t, dir, "a")
		k.look(false)
		k.look(false)
		if c, _ := k.Store().Get(hello("a.test")); c == nil || c.Leaf.SerialNumber.Cmp(good.TLS.Leaf.SerialNumber) != 0 {
			t.Errorf("%s: it took the place of a valid one", what)
		}
		wants(t, what, l.String(), "serves on", "a.crt")
	}
}

// TestEarlyServesInTime checks that a certificate that was not valid yet takes
// its place when it is, though no file changes.
func TestEarlyServesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := certtest.New(t, "ca")
		dir := t.TempDir()
		k, _ := keep(t, files(t, ca.Server(t, "a.test"), dir, "a"))
		next := ca.Issue(t, certtest.Leaf{Names: []string{"a.test"}, NotBefore: time.Now().Add(time.Minute)})
		next.Write(t, dir, "a")
		stop := run(t, k)
		defer stop()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if c, _ := k.Store().Get(hello("a.test")); c.Leaf.SerialNumber.Cmp(next.TLS.Leaf.SerialNumber) != 0 {
			t.Error("it does not serve")
		}
	})
}

// run runs k until stop is called.
func run(t *testing.T, k *Keeper) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestReload checks that Run notices the ways in which files change.
func TestReload(t *testing.T) {
	ways := map[string]func(t *testing.T, path string, text []byte){
		"rename": func(t *testing.T, path string, text []byte) { certtest.WriteFile(t, path, text) },
		"in place": func(t *testing.T, path string, text []byte) {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		// The time of the file stays; only a look at the content can tell.
		"in place with the old time": func(t *testing.T, path string, text []byte) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := certtest.New(t, "ca")
				dir := t.TempDir()
				k, l := keep(t, files(t, ca.Server(t, "a.test"), dir, "a"))
				long := time.Now().Add(-time.Hour)
				for _, f := range []string{"a.crt", "a.key"} {
					if err := os.Chtimes(join(dir, f), long, long); err != nil {
						t.Fatal(err)
					}
				}
				stop := run(t, k)
				defer stop()
				time.Sleep(time.Minute)
				next := ca.Server(t, "a.test")
				// The files of a pair change one after the other, seen between.
				write(t, join(dir, "a.crt"), next.CertPEM)
				time.Sleep(5 * time.Second)
				write(t, join(dir, "a.key"), next.KeyPEM)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if c, _ := k.Store().Get(hello("a.test")); c.Leaf.SerialNumber.Cmp(next.TLS.Leaf.SerialNumber) != 0 {
					t.Errorf("the new certificate does not serve:\n%s", l)
				}
			})
		})
	}
}

// TestKubernetesMount checks a folder as a kubelet mounts and updates it.
func TestKubernetesMount(t *testing.T) {
	ca := certtest.New(t, "ca")
	dir := t.TempDir()
	mount := join(dir, "secret")
	version := func(n string, p certtest.Pair) {
		d := join(mount, n)
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
		certtest.WriteFile(t, join(d, "tls.crt"), p.CertPEM)
		certtest.WriteFile(t, join(d, "tls.key"), p.KeyPEM)
		certtest.WriteFile(t, join(d, "ca.crt"), ca.CertPEM)
		if err := os.Symlink(n, join(mount, "..new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(join(mount, "..new"), join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	first, second := ca.Server(t, "a.test"), ca.Server(t, "b.test")
	version("..1", first)
	for _, f := range []string{"tls.crt", "tls.key", "ca.crt"} {
		if err := os.Symlink(join("..data", f), join(mount, f)); err != nil {
			t.Fatal(err)
		}
	}
	// Both as a folder of folders and as a folder of one Secret.
	for _, at := range []string{dir, mount} {
		k, l := keep(t, func(v *Values) { v.CertDir = at })
		if n := got(t, k.Store(), hello("a.test")); n != "a.test" {
			t.Fatalf("%s: a.test gets %q\n%s", at, n, l)
		}
		version("..2", second)
		k.look(false)
		if n := got(t, k.Store(), hello("b.test")); n != "b.test" || got(t, k.Store(), hello("a.test")) != "" {
			t.Errorf("%s: after the swap b.test gets %q\n%s", at, n, l)
		}
		if k.Failing() != 0 || strings.Contains(l.String(), "ERROR") {
			t.Errorf("%s: %d fail\n%s", at, k.Failing(), l)
		}
		version("..1", first)
	}
}

// TestFolder checks what comes into a folder and goes.
func TestFolder(t *testing.T) {
	ca := certtest.New(t, "ca")
	dir := t.TempDir()
	ca.Server(t, "fallback.test").Write(t, dir, "default")
	pemPair := ca.Server(t, "pem.test")
	certtest.WriteFile(t, join(dir, "p.pem"), pemPair.CertPEM)
	certtest.WriteFile(t, join(dir, "p.key"), pemPair.KeyPEM)
	certtest.WriteFile(t, join(dir, "README"), []byte("hello"))
	certtest.WriteFile(t, join(dir, "ca.crt"), ca.CertPEM)
	certtest.WriteFile(t, join(dir, "bundle.pem"), ca.CertPEM)
	certtest.WriteFile(t, join(dir, ".hidden.crt"), nil)
	k, l := keep(t, func(v *Values) { v.CertDir = dir })
	check := func(step, name, want string) {
		t.Helper()
		if n := got(t, k.Store(), hello(name)); n != want {
			t.Errorf("%s: %s gets %q, expected %q\n%s", step, name, n, want, l)
		}
	}
	check("start", "pem.test", "pem.test")
	check("start", "unknown.test", "fallback.test")
	if k.Failing() != 0 || strings.Contains(l.String(), "ERROR") {
		t.Errorf("%d fail\n%s", k.Failing(), l)
	}

	// A pair whose first file is there before the second is nobody's mistake.
	a := ca.Server(t, "a.test")
	certtest.WriteFile(t, join(dir, "a.crt"), a.CertPEM)
	k.look(false)
	certtest.WriteFile(t, join(dir, "a.key"), a.KeyPEM)
	k.look(false)
	check("a new pair", "a.test", "a.test")
	if strings.Contains(l.String(), "ERROR") {
		t.Errorf("it was told too early:\n%s", l)
	}

	remove := func(names ...string) {
		for _, n := range names {
			if err := os.RemoveAll(join(dir, n)); err != nil {
				t.Fatal(err)
			}
		}
		k.look(false)
		k.look(false)
	}
	remove("a.crt")
	check("half of it is gone", "a.test", "a.test")
	remove("p.key")
	check("half of it is gone", "pem.test", "pem.test")
	remove("a.key")
	check("all of it is gone", "a.test", "fallback.test")
	remove("")
	check("the folder is gone", "pem.test", "pem.test")
	wants(t, "the log", l.String(), "the folder with certificates is broken")
	if _, err := New(Config{Options: set(func(v *Values) { v.CertDir = dir })}); err == nil {
		t.Error("it starts without its folder")
	} else {
		wants(t, "the error", err.Error(), dir, "restore it")
	}
}

// TestExpiryIsTold checks the warnings ahead of the end: once, then once more.
func TestExpiryIsTold(t *testing.T) {
	l := &logs{}
	var e expiry
	now := time.Now()
	at := func(after time.Duration) {
		e.look(now.Add(after), []Status{{From: "a.crt", NotBefore: now, NotAfter: now.Add(100 * time.Hour)}}, l.log())
	}
	for after, lines := range []int{0: 0, 89: 0, 91: 1, 92: 1, 101: 2, 102: 2} {
		if after == 0 || lines > 0 || after == 89 {
			at(time.Duration(after) * time.Hour)
			if n := strings.Count(l.String(), "\n"); n != lines && lines > 0 || lines == 0 && n != 0 {
				t.Fatalf("after %d h: %d lines, expected %d\n%s", after, n, lines, l)
			}
		}
	}
	wants(t, "the log", l.String(), "expires soon", "has expired")

	many := make([]Status, 10_000)
	for i := range many {
		many[i] = Status{From: string(rune('a' + i)), NotAfter: now.Add(-time.Hour)}
	}
	l = &logs{}
	e.look(now, many, l.log())
	if n := strings.Count(l.String(), "\n"); n > mostSaid+1 {
		t.Errorf("%d lines", n)
	}
}

// FuzzPair feeds the parser of files: it never panics, agrees with crypto/tls
// about what it takes, and shows no key.
func FuzzPair(f *testing.F) {
	ca := certtest.New(f, "ca")
	p := ca.Server(f, "a.test")
	f.Add(p.CertPEM, p.KeyPEM)
	f.Add(p.KeyPEM, p.CertPEM)
	f.Add(p.CertPEM[:100], p.KeyPEM[50:])
	f.Add([]byte("-----BEGIN \n-----END "), []byte("-----BEGIN X-----\n-----END X-----"))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		_, err := parsePair("c", "k", cert, key)
		if err == nil {
			if _, err := tls.X509KeyPair(cert, key); err != nil {
				t.Errorf("taken, but crypto/tls says %v", err)
			}
			return
		}
		if len(err.Error()) > 2000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		if bytes.Equal(key, p.KeyPEM) {
			secretless(t, err.Error(), p)
		}
	})
}
