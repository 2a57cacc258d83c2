package mtls_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/mtls"
	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/option"
)

// newEnv trusts ca.
func newEnv(t testing.TB, ca *certtest.CA) *filter.Env {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.crt")
	certtest.WriteFile(t, file, ca.CertPEM)
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-mtls-authn-ca=" + file}); err != nil {
		t.Fatal(err)
	}
	keeper, err := certs.New(certs.Config{Options: set})
	if err != nil {
		t.Fatal(err)
	}
	env := filter.NewEnv(set, nil)
	keeper.ForFilters(env)
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return env
}

// shows is the state of a connection whose client showed a certificate.
func shows(t testing.TB, p certtest.Pair) *tls.ConnectionState {
	t.Helper()
	s := &tls.ConnectionState{}
	for _, der := range p.TLS.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		s.PeerCertificates = append(s.PeerCertificates, c)
	}
	return s
}

type outcome struct {
	status int
	reject string
}

func try(t testing.TB, f filter.Filter, s *tls.ConnectionState) outcome {
	t.Helper()
	x := filtertest.New(t)
	x.Request.TLS = s
	x.Run(f)
	if x.Response.Status != 200 && x.Forwarded {
		t.Error("a request that was refused was forwarded")
	}
	o := outcome{status: x.Response.Status}
	o.reject, _ = filter.State(x.Context, "auth-reject-reason")
	return o
}

var (
	good    = outcome{200, ""}
	noTLS   = outcome{401, "missing-tls"}
	unknown = outcome{403, "wrong-auth"}
)

func TestAuthn(t *testing.T) {
	ca, other := certtest.New(t, "clients"), certtest.New(t, "clients") // of the same name
	env := newEnv(t, ca)
	past := time.Now().Add(-time.Minute)
	serverOnly := certtest.Leaf{CommonName: "x", Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	mixed := shows(t, other.Client(t, "me"))
	mixed.PeerCertificates = append(mixed.PeerCertificates, shows(t, ca.Client(t, "me")).PeerCertificates...)
	foreign := shows(t, other.Client(t, "me"))
	foreign.VerifiedChains = [][]*x509.Certificate{foreign.PeerCertificates} // by -tls-client-ca
	for name, tt := range map[string]struct {
		state *tls.ConnectionState
		authn outcome
		cn    outcome // of mtlsCN("me")
	}{
		"no TLS":                    {nil, noTLS, noTLS},
		"no certificate":            {&tls.ConnectionState{}, unknown, unknown},
		"good":                      {shows(t, ca.Client(t, "me")), good, good},
		"another name":              {shows(t, ca.Client(t, "you")), good, outcome{403, "wrong-cn"}},
		"intermediate":              {shows(t, ca.Intermediate(t, "between").Client(t, "me")), good, good},
		"another authority":         {shows(t, other.Client(t, "me")), unknown, unknown},
		"expired":                   {shows(t, ca.Issue(t, certtest.Leaf{CommonName: "me", NotBefore: past.Add(-time.Hour), NotAfter: past})), unknown, unknown},
		"not valid yet":             {shows(t, ca.Issue(t, certtest.Leaf{CommonName: "me", NotBefore: time.Now().Add(time.Hour)})), unknown, unknown},
		"for servers":               {shows(t, ca.Issue(t, serverOnly)), unknown, unknown},
		"a good one sent along":     {mixed, unknown, unknown},
		"verified by other than CA": {foreign, unknown, good},
	} {
		for range 2 { // the second time from memory
			if got := try(t, filtertest.BuildEnv(t, env, "mtlsAuthn"), tt.state); got != tt.authn {
				t.Errorf("%s: mtlsAuthn: got %+v", name, got)
			}
			if got := try(t, filtertest.BuildEnv(t, env, "mtlsCN", "you know who", "me"), tt.state); got != tt.cn {
				t.Errorf("%s: mtlsCN: got %+v", name, got)
			}
		}
	}
}

func TestNames(t *testing.T) {
	ca := certtest.New(t, "Root")
	between := ca.Intermediate(t, "Between")
	env := newEnv(t, ca)
	leaf := shows(t, between.Issue(t, certtest.Leaf{
		CommonName: "me",
		Names:      []string{"Shop.Example.org", "*.wild.example.org", "a.b.deep.example.org", "192.0.2.7", "2001:db8::7"},
		URIs:       []string{"spiffe://example.org/ns/shop/sa/web", "spiffe://example.org/up/../ns/shop/sa/admin", "https://Example.org/A?b=c"},
	}))
	root := leaf.PeerCertificates[len(leaf.PeerCertificates)-1].Issuer.String()
	for _, tt := range []struct {
		name string
		args []any
		want outcome
	}{
		{"mtlsCN", []any{"me"}, good},
		{"mtlsCN", []any{"Me"}, outcome{403, "wrong-cn"}},
		{"mtlsCN", []any{"Between"}, outcome{403, "wrong-cn"}}, // not the one that vouches
		{"mtlsIssuerDN", []any{leaf.PeerCertificates[0].Issuer.String()}, good},
		{"mtlsIssuerDN", []any{"CN=x", root}, good},
		{"mtlsIssuerDN", []any{"Between"}, outcome{403, "wrong-dn"}},
		{"mtlsIssuerDN", []any{strings.ToLower(root)}, outcome{403, "wrong-dn"}},
		{"mtlsSanDNS", []any{"shop.example.org"}, good},
		{"mtlsSanDNS", []any{"SHOP.example.ORG"}, good},
		{"mtlsSanDNS", []any{"*.example.org"}, good},
		{"mtlsSanDNS", []any{"*.deep.example.org"}, outcome{403, "wrong-san"}}, // two labels below
		{"mtlsSanDNS", []any{"*.b.deep.example.org"}, good},
		{"mtlsSanDNS", []any{"*.wild.example.org"}, good},
		{"mtlsSanDNS", []any{"a.wild.example.org"}, outcome{403, "wrong-san"}},
		{"mtlsSanDNS", []any{"example.org"}, outcome{403, "wrong-san"}},
		{"mtlsSanDNS", []any{"me"}, outcome{403, "wrong-san"}}, // the subject is no SAN
		{"mtlsSanIP", []any{"192.0.2.7"}, good},
		{"mtlsSanIP", []any{"::ffff:192.0.2.7"}, good},
		{"mtlsSanIP", []any{"2001:DB8:0::7"}, good},
		{"mtlsSanIP", []any{"192.0.2.8", "2001:db8::8"}, outcome{403, "wrong-san"}},
		{"mtlsSanCIDR", []any{"10.0.0.0/8", "192.0.2.0/24"}, good},
		{"mtlsSanCIDR", []any{"2001:db8::/64"}, good},
		{"mtlsSanCIDR", []any{"192.0.2.7"}, good},
		{"mtlsSanCIDR", []any{"192.0.3.0/24"}, outcome{403, "wrong-san"}},
		{"mtlsSanURI", []any{"spiffe://example.org/ns/shop/sa/web"}, good},
		{"mtlsSanURI", []any{"spiffe://example.org/ns/*/sa/w*"}, good},
		{"mtlsSanURI", []any{"spiffe://example.org/**"}, good},
		{"mtlsSanURI", []any{"spiffe://example.org/*"}, outcome{403, "wrong-san"}},
		{"mtlsSanURI", []any{"spiffe://example.org/ns/shop/sa/we"}, outcome{403, "wrong-san"}},
		{"mtlsSanURI", []any{"spiffe://example.org/ns/shop/sa/webs"}, outcome{403, "wrong-san"}},
		{"mtlsSanURI", []any{"spiffe://example.org/up/**"}, outcome{403, "wrong-san"}}, // dot segments
		{"mtlsSanURI", []any{"spiffe://exampleXorg/**"}, outcome{403, "wrong-san"}},
		{"mtlsSanURI", []any{"https://Example.org/A?b=c"}, good},
		{"mtlsSanURI", []any{"https://example.org/a?b=c"}, outcome{403, "wrong-san"}},
	} {
		if got := try(t, filtertest.BuildEnv(t, env, tt.name, tt.args...), leaf); got != tt.want {
			t.Errorf("%s%v: got %+v, want %+v", tt.name, tt.args, got, tt.want)
		}
	}
}

// Without -mtls-authn-ca and without a handshake that verified nobody passes.
func TestNobodyToVerify(t *testing.T) {
	ca := certtest.New(t, "ca")
	env := filter.NewEnv(nil, nil)
	t.Cleanup(func() { _ = env.Close() })
	if got := try(t, filtertest.BuildEnv(t, env, "mtlsCN", "me"), shows(t, ca.Client(t, "me"))); got != unknown {
		t.Errorf("got %+v", got)
	}
	env.Offline = true
	if got := try(t, filtertest.BuildEnv(t, env, "mtlsAuthn"), shows(t, ca.Client(t, "me"))); got != unknown {
		t.Errorf("got %+v", got)
	}
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		want, name string
		args       []any
	}{
		{"-mtls-authn-ca", "mtlsAuthn", nil},
		{"found 0 arguments", "mtlsCN", nil},
		{"argument 2 (name): found nothing", "mtlsCN", []any{"a", ""}},
		{"argument 1 (name)", "mtlsSanDNS", []any{"a b"}},
		{"argument 1 (name)", "mtlsSanDNS", []any{"*"}},
		{"argument 1 (name)", "mtlsSanDNS", []any{"a.*.b"}},
		{"argument 2 (address): found \"192.0.2.0/24\"", "mtlsSanIP", []any{"::1", "192.0.2.0/24"}},
		{"argument 1 (address)", "mtlsSanIP", []any{"fe80::1%eth0"}},
		{"argument 1 (network)", "mtlsSanCIDR", []any{"10.0.0.0/33"}},
		{"argument 1 (pattern)", "mtlsSanURI", []any{"/x"}},
		{"of at most", "mtlsSanURI", []any{"a:" + strings.Repeat("*", 4<<10)}},
	} {
		if err := filtertest.BuildError(t, tt.name, tt.args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s%.50v: got %v", tt.name, tt.args, err)
		}
	}
}

func TestPass(t *testing.T) {
	const field = "X-Forwarded-Tls-Client-Cert"
	ca := certtest.New(t, "ca")
	chain := shows(t, ca.Intermediate(t, "between").Client(t, "me"))
	f := filtertest.Build(t, "tlsPassClientCertificates")
	for name, s := range map[string]*tls.ConnectionState{"no TLS": nil, "no certificate": {}, "a chain": chain} {
		x := filtertest.New(t)
		x.Request.TLS = s
		x.Request.Header.Add(field, "faked")
		x.Request.Header.Add(strings.ToLower(field), "faked")
		x.Request.Header.Add(strings.ReplaceAll(field, "-", "_"), "faked")
		x.Run(f)
		var want []string
		if s != nil {
			for _, c := range s.PeerCertificates {
				want = append(want, base64.StdEncoding.EncodeToString(c.Raw))
			}
		}
		got := filtertest.Fields(&x.Request.Header, field)
		if strings.Join(got, "|") != strings.Join(want, ",") || len(got) > 1 {
			t.Errorf("%s: got %.100q", name, got)
		}
		if n := x.Request.Header.Len(); n != len(got)+1 { // and Host
			t.Errorf("%s: %d fields: %v", name, n, x.Request.Header.Fields())
		}
	}
}

func BenchmarkMTLS(b *testing.B) {
	ca := certtest.New(b, "ca")
	env := newEnv(b, ca)
	s := shows(b, ca.Issue(b, certtest.Leaf{CommonName: "me", Names: []string{"shop.example.org"}}))
	for name, args := range map[string][]any{
		"mtlsAuthn": nil, "mtlsCN": {"me"}, "mtlsSanDNS": {"*.example.org"}, "tlsPassClientCertificates": nil,
	} {
		b.Run(name, func(b *testing.B) {
			f := filtertest.BuildEnv(b, env, name, args...)
			x := filtertest.New(b)
			x.Request.TLS = s
			b.ReportAllocs()
			for b.Loop() {
				x.Restart()
				if f.Request(x.Context); x.Served() {
					b.Fatal("refused")
				}
			}
		})
	}
}
