package certs

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the options of TLS, at listeners and towards backends (spec 1.8:
// TLS / mTLS).
type Values struct {
	Cert      []string      `flag:"tls-cert" doc:"files with certificates, each followed by its intermediates (PEM); the first is served to clients that ask for no known name"`
	Key       []string      `flag:"tls-key" doc:"files with the keys of -tls-cert (PEM), in the same order"`
	CertDir   string        `flag:"tls-cert-dir" doc:"folder with certificates: pairs name.crt (or name.pem) and name.key, and folders with tls.crt and tls.key; the pair \"default\" is the default if there is no -tls-cert"`
	Poll      time.Duration `flag:"tls-poll-interval" doc:"how often files with certificates, keys and authorities are looked at"`
	StrictSNI bool          `flag:"tls-strict-sni" doc:"refuse the handshake of clients that ask for no name or for one without a certificate, instead of serving the default"`

	MinVersion      string   `flag:"tls-min-version" oneof:"1.0,1.1,1.2,1.3,10,11,12,13" doc:"lowest version of TLS that clients may speak"`
	CipherSuites    []string `flag:"tls-cipher-suites" doc:"cipher suites up to TLS 1.2, by their names such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; empty: the safe ones. Those of TLS 1.3 cannot be chosen"`
	ExcludeInsecure bool     `flag:"exclude-insecure-cipher-suites" doc:"leave out cipher suites with known weaknesses even if -tls-cipher-suites or GODEBUG name them"`
	ClientAuth      string   `flag:"tls-client-auth" oneof:"NoClientCert,RequestClientCert,RequireAnyClientCert,VerifyClientCertIfGiven,RequireAndVerifyClientCert" doc:"what is asked of clients: no certificate, perhaps one, any one, one that is verified if given, one that is verified"`
	ClientCA        []string `flag:"tls-client-ca" doc:"files with the authorities that client certificates are verified with (PEM); empty: those of -mtls-authn-ca"`
	AuthnCA         []string `flag:"mtls-authn-ca" doc:"files with the authorities of client certificates (PEM)"`
	AuthnAppendCA   bool     `flag:"mtls-authn-append-ca" doc:"trust the authorities of the system beside those of -mtls-authn-ca"`
	KeyLogFile      string   `flag:"tls-key-log-file" doc:"write the secrets of TLS connections of clients to this file; who has it can read their traffic"`

	BackendCert    []string      `flag:"client-tls-cert" doc:"files with the certificates shown to backends that ask for one (PEM)"`
	BackendKey     []string      `flag:"client-tls-key" doc:"files with the keys of -client-tls-cert (PEM), in the same order"`
	BackendRefresh time.Duration `flag:"client-tls-cert-refresh-interval" doc:"how often the files of -client-tls-cert are looked at; 0: as often as -tls-poll-interval"`
	EnableMTLS     bool          `flag:"enable-mtls" doc:"do not start without a certificate to show to backends (-client-tls-cert)"`
}

// Options declares the options of TLS.
var Options = option.Define("tls", Values{
	Poll:       5 * time.Second,
	MinVersion: "1.2",
	ClientAuth: "NoClientCert",
})
