package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fairlead.dev/fairlead/kit/suggest"
)

// policy is what decides about client certificates at one moment. Its address
// is its identity: sessions that began under one are not resumed under another.
type policy struct {
	auth  tls.ClientAuthType
	roots *x509.CertPool // nil only if auth verifies nothing
}

func (p *policy) verifies() bool { return p.auth >= tls.VerifyClientCertIfGiven }

// settings are the parts of the configuration of listeners that never change.
type settings struct {
	min    uint16
	suites []uint16 // nil: those of crypto/tls
	auth   tls.ClientAuthType
}

// newSettings reads the options. Warnings are for the log of the start.
func newSettings(o *Values) (s settings, warnings []string, err error) {
	versions := map[string]uint16{"10": tls.VersionTLS10, "11": tls.VersionTLS11, "12": tls.VersionTLS12, "13": tls.VersionTLS13}
	var ok bool
	if s.min, ok = versions[strings.ReplaceAll(o.MinVersion, ".", "")]; !ok {
		return s, nil, fmt.Errorf("option -tls-min-version is %q, expected 1.2 or 1.3", o.MinVersion)
	}
	if s.min < tls.VersionTLS12 {
		warnings = append(warnings, "TLS 1.0 and 1.1 are allowed by -tls-min-version: they are deprecated (RFC 8996), set it to 1.2")
	}
	if s.auth, err = clientAuth(o.ClientAuth); err != nil {
		return s, nil, err
	}
	suites, more, err := cipherSuites(o.CipherSuites, o.ExcludeInsecure)
	s.suites = suites
	return s, append(warnings, more...), err
}

// clientAuth reads the name that crypto/tls gives to a mode.
func clientAuth(name string) (tls.ClientAuthType, error) {
	if name == "" {
		return tls.NoClientCert, nil
	}
	for a := tls.NoClientCert; a <= tls.RequireAndVerifyClientCert; a++ {
		if a.String() == name {
			return a, nil
		}
	}
	return 0, fmt.Errorf("option -tls-client-auth is %q, expected NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert", name)
}

// cipherSuites returns the suites up to TLS 1.2 for a list of names.
func cipherSuites(want []string, excludeInsecure bool) (ids []uint16, warnings []string, err error) {
	safe, known := map[string]*tls.CipherSuite{}, []string{}
	for _, s := range tls.CipherSuites() {
		safe[s.Name] = s
		known = append(known, s.Name)
	}
	if len(want) == 0 {
		if excludeInsecure { // what GODEBUG may have brought back
			for _, s := range tls.CipherSuites() {
				ids = append(ids, s.ID)
			}
		}
		return ids, nil, nil
	}
	insecure := map[string]*tls.CipherSuite{}
	for _, s := range tls.InsecureCipherSuites() {
		insecure[s.Name] = s
		known = append(known, s.Name)
	}
	for _, name := range want {
		s := safe[name]
		switch weak := insecure[name]; {
		case s != nil && !slices.Contains(s.SupportedVersions, tls.VersionTLS12):
			warnings = append(warnings, fmt.Sprintf("option -tls-cipher-suites: %s belongs to TLS 1.3, whose suites cannot be chosen: all of them are on", name))
		case s != nil:
			ids = append(ids, s.ID)
		case weak == nil:
			return nil, nil, fmt.Errorf("option -tls-cipher-suites names %q, which is no cipher suite%s", name, hint(name, known))
		case excludeInsecure:
			warnings = append(warnings, fmt.Sprintf("option -tls-cipher-suites: %s has known weaknesses and is left out by -exclude-insecure-cipher-suites", name))
		default:
			ids = append(ids, weak.ID)
			warnings = append(warnings, fmt.Sprintf("option -tls-cipher-suites: %s has known weaknesses, leave it out", name))
		}
	}
	if len(ids) == 0 {
		return nil, nil, errors.New("option -tls-cipher-suites leaves no cipher suite for TLS 1.2: name one, or set -tls-min-version to 1.3 and leave the list out")
	}
	if !slices.Contains(ids, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) && !slices.Contains(ids, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) {
		warnings = append(warnings, "option -tls-cipher-suites has no suite that HTTP/2 demands of TLS 1.2 (RFC 9113 9.2.2): add TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
	}
	return ids, warnings, nil
}

func hint(name string, known []string) string {
	if n := suggest.Nearest(name, known); n != "" {
		return fmt.Sprintf(", did you mean %q?", n)
	}
	return ""
}

// authorities are those of a list of files, kept.
type authorities = kept[*x509.CertPool]

// newAuthorities keeps the authorities of files, beside those of the system if
// asked for.
func newAuthorities(files []string, system bool) *authorities {
	return &authorities{files: files, parse: func(texts [][]byte) (*x509.CertPool, error) {
		pool := x509.NewCertPool()
		if system {
			var err error
			if pool, err = x509.SystemCertPool(); err != nil {
				return nil, fmt.Errorf("authorities of the system: %w", err)
			}
		}
		return pool, parseAuthorities(pool, files, texts)
	}}
}

// checkClientAuth says what is wrong with the options about client
// certificates: nothing that asks for protection may end without it.
func checkClientAuth(o *Values, auth tls.ClientAuthType, served bool) (warnings []string, err error) {
	verifies := auth >= tls.VerifyClientCertIfGiven
	given := len(o.ClientCA)+len(o.AuthnCA) > 0
	switch {
	case o.AuthnAppendCA && len(o.AuthnCA) == 0:
		return nil, errors.New("option -mtls-authn-append-ca adds to -mtls-authn-ca, which names no file: name one")
	case verifies && !given:
		return nil, fmt.Errorf("option -tls-client-auth is %q, and there is no authority to verify client certificates with: name its file in -tls-client-ca", auth)
	case !served && (auth != tls.NoClientCert || len(o.ClientCA) > 0):
		return nil, errors.New("options -tls-client-auth and -tls-client-ca ask for client certificates, and there is no TLS listener: give it a certificate with -tls-cert or -tls-cert-dir")
	case !verifies && len(o.ClientCA) > 0:
		return nil, fmt.Errorf("option -tls-client-ca names authorities, and -tls-client-auth is %q, which verifies nothing: set it to RequireAndVerifyClientCert or VerifyClientCertIfGiven", auth)
	case auth == tls.RequireAnyClientCert:
		warnings = append(warnings, "RequireAnyClientCert takes any certificate, of whomever: it protects nothing by itself, set -tls-client-auth to RequireAndVerifyClientCert")
	}
	return warnings, nil
}
