package mtls

import (
	"crypto/x509"
	"slices"

	"fairlead.dev/fairlead/arg"
)

var _ = define("mtlsCN", "lets clients pass whose certificate has one of these names (the common name of its subject)", `"shop", "cart"`,
	arg.Param{Name: "name", Type: arg.Text}, wrongCN, func(v arg.Values) (rule, error) {
		names := v.Texts(0)
		return func(leaf *x509.Certificate, _ chains) bool {
			return leaf.Subject.CommonName != "" && slices.Contains(names, leaf.Subject.CommonName)
		}, nil
	})

var _ = define("mtlsIssuerDN", "lets clients pass whose certificate an authority with one of these names vouches for, directly or through others (distinguished names as RFC 2253 writes them)", `"CN=Clients,O=Example,C=DE"`,
	arg.Param{Name: "name", Type: arg.Text}, wrongDN, func(v arg.Values) (rule, error) {
		names := v.Texts(0)
		return func(_ *x509.Certificate, all chains) bool {
			for _, chain := range all {
				for _, c := range chain {
					if slices.Contains(names, c.Issuer.String()) {
						return true
					}
				}
			}
			return false
		}, nil
	})
