package acme

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev/fairlead/option"
)

// Values are the options of automatic certificates.
type Values struct {
	Hosts      []string `flag:"acme-hosts" doc:"host names to get certificates for by ACME, without wildcards; none: ACME is off"`
	AgreeTerms bool     `flag:"acme-agree-terms" doc:"you agree to the terms of service of the CA; ACME needs it"`
	Email      string   `flag:"acme-email" doc:"where the CA may write to about the certificates"`
	Directory  string   `flag:"acme-directory" doc:"URL of the CA's ACME directory"`
	CAFile     string   `flag:"acme-ca-file" doc:"PEM file of certificates to trust for the HTTPS of acme-directory, instead of the system's"`
	Storage    string   `flag:"acme-storage" doc:"folder for certificates, their keys and the account; it must outlive restarts, or the CA's limits are soon reached; none: fairlead/acme in $STATE_DIRECTORY, $XDG_STATE_HOME or ~/.local/state, else /var/lib/fairlead/acme"`
	KeyType    string   `flag:"acme-key-type" oneof:"ecdsa,rsa" doc:"keys of the certificates: ecdsa is P-256, rsa has 2048 bits and costs much more per handshake"`
	Challenges []string `flag:"acme-challenges" oneof:"http-01,tls-alpn-01" doc:"how the CA may check that the hosts are ours, the first first: http-01 needs port 80, tls-alpn-01 port 443"`
	Profile    string   `flag:"acme-profile" doc:"profile of certificates, one of those that the CA's directory names"`
	EABKeyID   string   `flag:"acme-eab-key-id" doc:"key id of the external account binding that some CAs need"`
	EABHMAC    string   `flag:"acme-eab-hmac" secret:"true" doc:"HMAC key of the external account binding, in base64; better in the environment than on the command line"`
}

// The names of the challenges (RFC 8555 section 8.3, RFC 8737 section 3).
const (
	http01    = "http-01"
	tlsALPN01 = "tls-alpn-01"
)

// Options declares the options of automatic certificates.
var Options = option.Define("acme", Values{
	Directory:  "https://acme-v02.api.letsencrypt.org/directory",
	KeyType:    "ecdsa",
	Challenges: []string{http01, tlsALPN01},
})

// On reports whether certificates are to be obtained at all.
func (v Values) On() bool { return len(v.Hosts) > 0 }

// check says what makes it impossible to start, and returns the hosts in their
// canonical form and the values with everything else in place.
func (v Values) check() (Values, error) {
	hosts, err := canonicalHosts(v.Hosts)
	errs := []error{err}
	v.Hosts = hosts
	if !v.AgreeTerms {
		errs = append(errs, fmt.Errorf("-acme-agree-terms is not set: read the terms of service that %s links to and, if you agree, set it", v.Directory))
	}
	if u, err := url.Parse(v.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("-acme-directory: found %q, expected an https URL", v.Directory))
	}
	if len(v.Challenges) == 0 {
		errs = append(errs, fmt.Errorf("-acme-challenges: found none, expected %s, %s or both", http01, tlsALPN01))
	}
	for _, c := range v.Challenges {
		if c != http01 && c != tlsALPN01 {
			errs = append(errs, fmt.Errorf("-acme-challenges: found %q, expected %s or %s", c, http01, tlsALPN01))
		}
	}
	if v.KeyType != "ecdsa" && v.KeyType != "rsa" {
		errs = append(errs, fmt.Errorf("-acme-key-type: found %q, expected ecdsa or rsa", v.KeyType))
	}
	if v.Email != "" && (!strings.Contains(v.Email, "@") || strings.ContainsAny(v.Email, " ,?\r\n")) {
		errs = append(errs, fmt.Errorf("-acme-email: found %q, expected one address such as admin@example.org", v.Email))
	}
	if (v.EABKeyID == "") != (v.EABHMAC == "") {
		errs = append(errs, errors.New("-acme-eab-key-id and -acme-eab-hmac: found one of the two, expected both or none"))
	}
	v.EABHMAC, err = canonicalHMAC(v.EABHMAC)
	return v, errors.Join(append(errs, err)...)
}

// canonicalHMAC accepts what CAs print: base64 of both alphabets, with padding
// or without. The error does not show the key.
func canonicalHMAC(text string) (string, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	text = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	if _, err := base64.RawURLEncoding.DecodeString(text); err != nil {
		return "", errors.New("-acme-eab-hmac: found text that is not base64, expected the HMAC key as the CA shows it")
	}
	return text, nil
}

// defaultFolder returns where the storage is when no option says it: what
// systemd gives to a service, else what the XDG base directory specification
// says about state, else the system's place. get reads the environment.
func defaultFolder(get func(string) string) string {
	if dir, _, _ := strings.Cut(get("STATE_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "acme")
	}
	if dir := get("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "fairlead", "acme")
	}
	if dir := get("HOME"); filepath.IsAbs(dir) && dir != string(os.PathSeparator) {
		return filepath.Join(dir, ".local", "state", "fairlead", "acme")
	}
	return filepath.Join(string(os.PathSeparator), "var", "lib", "fairlead", "acme")
}
