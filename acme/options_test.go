package acme

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fairlead.dev/fairlead/kit/certtest"
)

func TestCheck(t *testing.T) {
	const mac = "c2VjcmV0IGtleQ"
	good := Values{Hosts: []string{"a.example"}, AgreeTerms: true, Directory: "https://ca.test/dir", KeyType: "ecdsa", Challenges: []string{http01}}
	for name, c := range map[string]struct {
		edit func(*Values)
		want string // "": accepted
	}{
		"good":           {func(*Values) {}, ""},
		"wildcard":       {func(v *Values) { v.Hosts = []string{"*.example.org"} }, "cannot prove a wildcard"},
		"address":        {func(v *Values) { v.Hosts = []string{"192.0.2.1"} }, "found an address"},
		"address v6":     {func(v *Values) { v.Hosts = []string{"[2001:db8::1]"} }, "found an address"},
		"port":           {func(v *Values) { v.Hosts = []string{"a.example:443"} }, `found ':'`},
		"umlaut":         {func(v *Values) { v.Hosts = []string{"bücher.example"} }, "xn--"},
		"empty label":    {func(v *Values) { v.Hosts = []string{"a..example"} }, `the label ""`},
		"long label":     {func(v *Values) { v.Hosts = []string{strings.Repeat("a", 64) + ".example"} }, "1 to 63"},
		"long name":      {func(v *Values) { v.Hosts = []string{strings.Repeat("a.", 127) + "aa"} }, "256 bytes"},
		"dash":           {func(v *Values) { v.Hosts = []string{"-a.example"} }, "without '-'"},
		"path":           {func(v *Values) { v.Hosts = []string{"../../x"} }, "found"},
		"too many":       {func(v *Values) { v.Hosts = manyHosts(maxHosts + 1) }, "at most 1000"},
		"as many":        {func(v *Values) { v.Hosts = manyHosts(maxHosts) }, ""},
		"terms":          {func(v *Values) { v.AgreeTerms = false }, "-acme-agree-terms"},
		"http":           {func(v *Values) { v.Directory = "http://ca.test/dir" }, "expected an https URL"},
		"no directory":   {func(v *Values) { v.Directory = "" }, "expected an https URL"},
		"no challenge":   {func(v *Values) { v.Challenges = nil }, "-acme-challenges: found none"},
		"dns-01":         {func(v *Values) { v.Challenges = []string{"dns-01"} }, `found "dns-01"`},
		"key type":       {func(v *Values) { v.KeyType = "dsa" }, "-acme-key-type"},
		"email":          {func(v *Values) { v.Email = "a@b.c,d@e.f" }, "-acme-email"},
		"email header":   {func(v *Values) { v.Email = "a@b.c?subject=x" }, "-acme-email"},
		"half a binding": {func(v *Values) { v.EABKeyID = "x" }, "found one of the two"},
		"binding":        {func(v *Values) { v.EABKeyID, v.EABHMAC = "x", mac+"==" }, ""},
		"bad binding":    {func(v *Values) { v.EABKeyID, v.EABHMAC = "x", mac+"!" }, "not base64"},
		"no CA file":     {func(v *Values) { v.CAFile = "/does/not/exist" }, "-acme-ca-file"},
	} {
		t.Run(name, func(t *testing.T) {
			v := good
			c.edit(&v)
			_, err := New(v, Config{})
			switch {
			case c.want == "" && err != nil:
				t.Errorf("found %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("found %v, expected %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), mac):
				t.Errorf("shows the HMAC key: %v", err)
			}
		})
	}
	if _, err := New(Values{}, Config{}); err == nil || (Values{}).On() {
		t.Error("no hosts: accepted")
	}
}

func manyHosts(n int) []string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = strings.Repeat("a", i/50+1) + "." + strings.Repeat("b", i%50+1)
	}
	return hosts
}

// TestGarbageCAFile refuses to start with a CA file that has no certificate.
func TestGarbageCAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	certtest.WriteFile(t, file, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n"))
	if _, err := newTransport(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("found %v, expected an error with the file", err)
	}
}

func TestCanonicalHosts(t *testing.T) {
	got, err := canonicalHosts([]string{"A.Example.", "b.example", "a.example", "localhost"})
	if err != nil || strings.Join(got, " ") != "a.example b.example localhost" {
		t.Errorf("found %q, %v", got, err)
	}
	for field, want := range map[string]string{
		"A.example:80": "a.example", "a.example.": "a.example", "[::1]:80": "::1", "a:b:c": "a:b:c", "": "",
	} {
		if got := hostOnly(field); got != want {
			t.Errorf("host of %q: %q, expected %q", field, got, want)
		}
	}
}

func TestDefaultFolder(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"STATE_DIRECTORY": "/var/lib/x:/var/lib/y", "HOME": "/home/u"}, "/var/lib/x/acme"},
		{map[string]string{"XDG_STATE_HOME": "/s", "HOME": "/home/u"}, "/s/fairlead/acme"},
		{map[string]string{"XDG_STATE_HOME": "relative", "HOME": "/home/u"}, "/home/u/.local/state/fairlead/acme"},
		{map[string]string{"HOME": "/"}, "/var/lib/fairlead/acme"},
		{nil, "/var/lib/fairlead/acme"},
	} {
		if got := defaultFolder(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %q, expected %q", c.env, got, c.want)
		}
	}
}

// TestBackoff checks that tries become rarer, within bounds.
func TestBackoff(t *testing.T) {
	for _, refused := range []bool{false, true} {
		first, most := 15*time.Second, time.Hour
		if refused {
			first, most = 4*time.Minute, 6*time.Hour
		}
		for failures := range 40 {
			base := min(first<<max(0, min(failures-1, 20)), most)
			if d := Backoff(failures, refused); d < base*8/10 || d > base*12/10 {
				t.Errorf("after %d failures (refused: %v): %v, expected about %v", failures, refused, d, base)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for field, want := range map[string]int64{"": 0, "60": 60, "-5": 0, "soon": 0, "99999999999999": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		if got := retryAfter(field); got != want {
			t.Errorf("Retry-After: %q is %d s, expected %d", field, got, want)
		}
	}
	if got := retryAfter(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)); got < 3590 || got > 3600 {
		t.Errorf("a date in an hour is %d s", got)
	}
	g := &guard{}
	g.stayAway.Store(1 << 31)
	if g.pause() != longestRetry {
		t.Errorf("pause %v", g.pause())
	}
}

// TestFolderOf checks that each CA has a folder of its own that is a key.
func TestFolderOf(t *testing.T) {
	seen := map[string]string{}
	for _, u := range []string{"https://ca.test/dir", "https://ca.test/dir/", "https://CA.test:14000/dir", "https://[::1]/d", "https://..x/", "https://a_b/"} {
		name := folderOf(u)
		if seen[name] != "" || strings.ContainsAny(name, "/:") || strings.HasPrefix(name, ".") {
			t.Errorf("%s is in %q, as is %q", u, name, seen[name])
		}
		seen[name] = u
	}
}

// TestAnswersCostNothing checks that requests that are no challenge cost no
// memory.
func TestAnswersCostNothing(t *testing.T) {
	m := &Manager{}
	if n := testing.AllocsPerRun(100, func() { m.HTTP01("a.example", "/index.html") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzHosts(f *testing.F) {
	for _, s := range []string{"a.example", "*.x", "xn--bcher-kva.example", "A.B.", "1.2.3.4", "a..b", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		hosts, err := canonicalHosts([]string{name})
		if err != nil {
			return
		}
		m := &Manager{folder: "ca"}
		if again, err := canonicalHosts(hosts); err != nil || again[0] != hosts[0] {
			t.Errorf("%q became %q and then %q, %v", name, hosts, again, err)
		}
		if key := m.bundleKey(hosts[0]); filepath.Clean(key) != key || strings.Count(key, "/") != 2 {
			t.Errorf("%q is stored in %q", name, key)
		}
	})
}

func FuzzBundle(f *testing.F) {
	ca := certtest.New(f, "x")
	pair := ca.Server(f, "a.example")
	f.Add(append(pair.KeyPEM, pair.CertPEM...))
	f.Add(pair.CertPEM)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cert, err := decodeBundle("a.example", text)
		if err == nil && (cert.Leaf == nil || cert.PrivateKey == nil || cert.Leaf.VerifyHostname("a.example") != nil) {
			t.Errorf("accepted %q", text)
		}
	})
}

// TestBundle checks what is stored: key and chain in one text, nothing else.
func TestBundle(t *testing.T) {
	ca := certtest.New(t, "x").Intermediate(t, "y")
	pair := ca.Server(t, "a.example")
	key, err := decodeKey(pair.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	cert, text, err := accept("a.example", key, pair.CertPEM)
	if err != nil || len(cert.Certificate) != 2 {
		t.Fatalf("found %v", err)
	}
	if again, err := decodeBundle("a.example", text); err != nil || !again.Leaf.Equal(cert.Leaf) {
		t.Errorf("stored and read: %v", err)
	}
	other, err := newKey("ecdsa")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := accept("a.example", other, pair.CertPEM); err == nil {
		t.Error("accepted a certificate for another key")
	}
	long := strings.Repeat(string(pair.CertPEM), maxChain)
	if _, _, err := accept("a.example", key, []byte(long)); err == nil {
		t.Error("accepted a chain that is too long")
	}
}

// TestBadStorage checks that stored values that are broken are put aside.
func TestBadStorage(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "garbage": "x", "half": "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49",
	} {
		t.Run(name, func(t *testing.T) {
			trials(t, func(_ *fakeCA, v *Values, _ *Config) {
				for _, key := range []string{"certificates/one.example.pem", "account.json"} {
					file := filepath.Join(v.Storage, folderOf(v.Directory), key)
					if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
						t.Fatal(err)
					}
					certtest.WriteFile(t, file, []byte(text))
				}
			}, func(r *trial) {
				r.start()
				if s := r.one(); s.Obtained != 1 || strings.Count(r.log.String(), "put aside") != 2 {
					t.Errorf("status %+v", s)
				}
				keys, err := r.storage.List(t.Context(), r.folder)
				if got := strings.Join(keys, " "); err != nil || strings.Count(got, ".bad") != 2 || len(keys) != 4 {
					t.Errorf("stored: %q, %v", keys, err)
				}
			})
		})
	}
}

// TestChallengeCert checks the certificate against RFC 8737 section 3.
func TestChallengeCert(t *testing.T) {
	a, err := newAnswer(tlsALPN01, "a.example", "token", "thumb")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(a.cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	critical := 0
	for _, e := range leaf.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical && len(e.Value) == 34 {
			critical++
		}
	}
	if critical != 1 || len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "a.example" {
		t.Errorf("found %s", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	}
}

// TestGuard checks that a CA cannot make us ask without end.
func TestGuard(t *testing.T) {
	ca := newFakeCA(t)
	g := &guard{next: ca}
	for i := range maxRequests + 1 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ca.base+"/dir", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.RoundTrip(r); (err == nil) != (i < maxRequests) {
			t.Fatalf("request %d: %v", i+1, err)
		}
	}
	if n := ca.requests("dir"); n != maxRequests {
		t.Errorf("%d requests reached the CA", n)
	}
}

// TestShown checks that what a CA says fits into a log line.
func TestShown(t *testing.T) {
	got := shown(errors.New("a\nb\x1b[31m" + strings.Repeat("ä", maxShown)))
	if !strings.HasPrefix(got, "a b [31m") || len(got) > maxShown+10 || !utf8.ValidString(got) {
		t.Errorf("shown as %d bytes: %.20q", len(got), got)
	}
}
