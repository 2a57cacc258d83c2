package forward

import (
	"errors"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "backendTLSCA",
	Params:    []arg.Param{{Name: "file", Type: arg.Text}},
	Doc:       "verifies an https backend with the authorities of a PEM file alone; while the file cannot be read every request is answered 502",
	Example:   `* -> backendTLSCA("/etc/fairlead/backend-ca.pem") -> "https://127.0.0.1:8443"`,
	Shareable: true,
	Differs:   "Skipper has none of its kind: it verifies all backends in one way (-insecure), and each backend may have an authority of its own.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Text(0) == "" {
			return nil, errors.New("found no file, expected the path of a PEM file with certificates")
		}
		return &backendTLSCA{file: v.Text(0)}, nil
	},
})

type backendTLSCA struct {
	filter.RequestOnly
	file string
}

func (f *backendTLSCA) Request(c *filter.Context) {
	c.Upstream.TLS.CAFile, c.Upstream.TLS.InsecureSkipVerify = f.file, false
}

var _ = filter.Define(filter.Def{
	Name:      "backendTLSServerName",
	Params:    []arg.Param{{Name: "name", Type: arg.Text}},
	Doc:       "asks an https backend for this name (SNI) and verifies its certificate for it, instead of the host of its address",
	Example:   `* -> backendTLSServerName("api.internal") -> "https://127.0.0.1:8443"`,
	Shareable: true,
	Differs:   "Skipper has none of its kind: it verifies all backends in one way (-insecure), and each backend may have an authority of its own.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Text(0) == "" {
			return nil, errors.New("found no name, expected one like api.example.org")
		}
		return &backendTLSServerName{name: v.Text(0)}, nil
	},
})

type backendTLSServerName struct {
	filter.RequestOnly
	name string
}

func (f *backendTLSServerName) Request(c *filter.Context) { c.Upstream.TLS.ServerName = f.name }

var _ = filter.Define(filter.Def{
	Name:      "backendTLSClientCert",
	Params:    []arg.Param{{Name: "certificate", Type: arg.Text}, {Name: "key", Type: arg.Text}},
	Doc:       "shows an https backend that asks the client certificate of two PEM files, instead of that of -client-tls-cert",
	Example:   `* -> backendTLSClientCert("/etc/fairlead/client.crt", "/etc/fairlead/client.key") -> "https://127.0.0.1:8443"`,
	Shareable: true,
	Differs:   "Skipper has none of its kind: it verifies all backends in one way (-insecure), and each backend may have an authority of its own.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Text(0) == "" || v.Text(1) == "" {
			return nil, errors.New("found an empty path, expected the PEM files of a certificate and of its key")
		}
		return &backendTLSClientCert{cert: v.Text(0), key: v.Text(1)}, nil
	},
})

type backendTLSClientCert struct {
	filter.RequestOnly
	cert, key string
}

func (f *backendTLSClientCert) Request(c *filter.Context) {
	c.Upstream.TLS.CertFile, c.Upstream.TLS.KeyFile = f.cert, f.key
}

var _ = filter.Define(filter.Def{
	Name:      "backendTLSInsecure",
	Doc:       "takes any certificate of an https backend: for tests, and for networks that are trusted as a whole",
	Example:   `* -> backendTLSInsecure() -> "https://127.0.0.1:8443"`,
	Shareable: true,
	Differs:   "Skipper has none of its kind: it verifies all backends in one way (-insecure), and each backend may have an authority of its own.",
	New:       func(arg.Values, *filter.Env) (filter.Filter, error) { return &backendTLSInsecure{}, nil },
})

type backendTLSInsecure struct{ filter.RequestOnly }

func (*backendTLSInsecure) Request(c *filter.Context) {
	c.Upstream.TLS.CAFile, c.Upstream.TLS.InsecureSkipVerify = "", true
}
