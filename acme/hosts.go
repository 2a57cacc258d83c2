package acme

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// maxHosts bounds the goroutines and the certificates of one Manager.
const maxHosts = 1000

// canonicalHosts returns the names in lower case, without trailing dot and each
// once, or everything that is wrong with them.
func canonicalHosts(names []string) ([]string, error) {
	var hosts []string
	var errs []error
	for _, name := range names {
		host := canonicalHost(name)
		if err := checkHost(host); err != nil {
			errs = append(errs, fmt.Errorf("-acme-hosts: %q: %w", name, err))
		} else if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) > maxHosts {
		errs = append(errs, fmt.Errorf("-acme-hosts: found %d names, expected at most %d", len(hosts), maxHosts))
	}
	return hosts, errors.Join(errs...)
}

func canonicalHost(name string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
}

// checkHost says why no certificate can be had for a name (RFC 1035 section
// 2.3.1, RFC 1123 section 2.1).
func checkHost(host string) error {
	switch _, err := netip.ParseAddr(strings.Trim(host, "[]")); {
	case strings.Contains(host, "*"):
		return errors.New("the challenges http-01 and tls-alpn-01 cannot prove a wildcard (RFC 8555 section 7.1.3): name each host, or give the wildcard's certificate by -tls-cert")
	case err == nil:
		return errors.New("found an address, expected a host name")
	case host == "" || len(host) > 253:
		return fmt.Errorf("found %d bytes, expected 1 to 253", len(host))
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return fmt.Errorf("found the label %q, expected 1 to 63 bytes without '-' at the ends", label)
		}
		for i := range len(label) {
			switch c := label[i]; {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
			case c >= 0x80:
				return errors.New("found letters outside of ASCII, expected the name as DNS has it (xn--...)")
			default:
				return fmt.Errorf("found %q, expected letters, digits, '-' and '.'", c)
			}
		}
	}
	return nil
}

// hostOnly returns the name in a Host field: without port, in lower case,
// without trailing dot.
func hostOnly(field string) string {
	if strings.Contains(field, ":") {
		if host, _, err := net.SplitHostPort(field); err == nil {
			field = host
		}
	}
	return canonicalHost(field)
}
