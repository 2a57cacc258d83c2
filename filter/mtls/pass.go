package mtls

import (
	"encoding/base64"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

// certField is where backends look for the certificates of the client, as Traefik
// has it.
const certField = "X-Forwarded-Tls-Client-Cert"

var _ = filter.Define(filter.Def{
	Name:      "tlsPassClientCertificates",
	Doc:       "tells the backend the certificates of the client in X-Forwarded-Tls-Client-Cert: what stands between the lines of PEM, separated by commas; whether they are verified is up to -tls-client-auth and the filters before",
	Example:   `* -> mtlsAuthn() -> tlsPassClientCertificates() -> "http://127.0.0.1:8080"`,
	Differs:   "what the client sent in that header is removed, also when it shows no certificate: otherwise anybody could claim one",
	Shareable: true,
	New:       func(arg.Values, *filter.Env) (filter.Filter, error) { return passCertificates{}, nil },
})

type passCertificates struct{ filter.RequestOnly }

func (passCertificates) Request(c *filter.Context) {
	c.Request.Header.DelVariants(certField)
	s := c.Request.TLS
	if s == nil || len(s.PeerCertificates) == 0 {
		return
	}
	size := 0
	for _, cert := range s.PeerCertificates {
		size += base64.StdEncoding.EncodedLen(len(cert.Raw)) + 1
	}
	value := make([]byte, 0, size)
	for i, cert := range s.PeerCertificates {
		if i > 0 {
			value = append(value, ',')
		}
		value = base64.StdEncoding.AppendEncode(value, cert.Raw)
	}
	c.Request.Header.Set(certField, string(value))
}
