package mtls

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/kit/cidr"
	"fairlead.dev/fairlead/message"
)

var _ = define("mtlsSanDNS", "lets clients pass whose certificate has one of these host names; *.example.org is every name one label below", `"shop.example.org", "*.jobs.example.org"`,
	arg.Param{Name: "name", Type: arg.Text}, wrongSAN, func(v arg.Values) (rule, error) {
		names := v.Texts(0)
		for i, name := range names {
			if !hostName(name) {
				return nil, v.Wrong(i, "found %q, expected a host name such as shop.example.org or *.example.org", name)
			}
		}
		return func(leaf *x509.Certificate, _ chains) bool {
			return slices.ContainsFunc(leaf.DNSNames, func(have string) bool {
				return slices.ContainsFunc(names, func(name string) bool { return sameHost(name, have) })
			})
		}, nil
	})

// hostName reports whether name is labels of letters, digits, hyphens and
// underscores, of which the first may be a wildcard.
func hostName(name string) bool {
	for i, label := range strings.Split(name, ".") {
		if i == 0 && label == "*" && len(name) > 2 {
			continue
		}
		if label == "" || strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return name != ""
}

// sameHost reports whether a name of a certificate is name, or one label below it.
func sameHost(name, have string) bool {
	if message.EqualName(name, have) {
		return true
	}
	dot := strings.IndexByte(have, '.')
	return strings.HasPrefix(name, "*.") && dot > 0 && !strings.Contains(have, "*") && message.EqualName(name[1:], have[dot:])
}

var _ = define("mtlsSanIP", "lets clients pass whose certificate has one of these IP addresses", `"192.0.2.1", "2001:db8::1"`,
	arg.Param{Name: "address", Type: arg.Text}, wrongSAN, func(v arg.Values) (rule, error) {
		var addrs []netip.Addr
		for i, text := range v.Texts(0) {
			a, err := netip.ParseAddr(text)
			if err != nil || a.Zone() != "" {
				return nil, v.Wrong(i, "found %q, expected an IP address such as 192.0.2.1; for networks there is mtlsSanCIDR", text)
			}
			addrs = append(addrs, a.Unmap())
		}
		return func(leaf *x509.Certificate, _ chains) bool {
			return hasIP(leaf, func(a netip.Addr) bool { return slices.Contains(addrs, a) })
		}, nil
	})

var _ = define("mtlsSanCIDR", "lets clients pass whose certificate has an IP address in one of these networks", `"192.0.2.0/24", "2001:db8::/32"`,
	arg.Param{Name: "network", Type: arg.CIDR}, wrongSAN, func(v arg.Values) (rule, error) {
		var nets []netip.Prefix
		for i, text := range v.Texts(0) {
			p, err := cidr.ParsePrefix(text)
			if err != nil {
				return nil, v.Wrong(i, "%w", err)
			}
			nets = append(nets, p)
		}
		return func(leaf *x509.Certificate, _ chains) bool {
			return hasIP(leaf, func(a netip.Addr) bool {
				return slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(a) })
			})
		}, nil
	})

func hasIP(leaf *x509.Certificate, good func(netip.Addr) bool) bool {
	for _, ip := range leaf.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok && good(a.Unmap()) {
			return true
		}
	}
	return false
}

var _ = define("mtlsSanURI", "lets clients pass whose certificate has a URI that one of these patterns matches: * is anything but a slash, ** anything", `"spiffe://example.org/ns/shop/sa/*"`,
	arg.Param{Name: "pattern", Type: arg.Text}, wrongSAN, func(v arg.Values) (rule, error) {
		var patterns []*regexp.Regexp
		for i, text := range v.Texts(0) {
			if !strings.Contains(text, ":") || len(text) > mostPattern {
				return nil, v.Wrong(i, "found %q, expected a URI such as spiffe://example.org/shop, with * for what may differ, of at most %d bytes", text[:min(len(text), 100)], mostPattern)
			}
			rx, err := regexp.Compile(glob(text))
			if err != nil {
				return nil, v.Wrong(i, "found %q, which cannot be matched: %w", text, err)
			}
			patterns = append(patterns, rx)
		}
		return func(leaf *x509.Certificate, _ chains) bool {
			return slices.ContainsFunc(leaf.URIs, func(u *url.URL) bool { return matches(patterns, u) })
		}, nil
	})

const mostPattern = 2 << 10

// glob makes a regular expression of a pattern.
func glob(pattern string) string {
	text := regexp.QuoteMeta(pattern)
	text = strings.ReplaceAll(text, `\*\*`, `(?s:.*)`)
	return `\A` + strings.ReplaceAll(text, `\*`, `[^/]*`) + `\z`
}

// matches reports whether one of the patterns matches u. A path with dot segments
// is none: a pattern would match what it does not mean.
func matches(patterns []*regexp.Regexp, u *url.URL) bool {
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	text := u.String()
	return slices.ContainsFunc(patterns, func(rx *regexp.Regexp) bool { return rx.MatchString(text) })
}
