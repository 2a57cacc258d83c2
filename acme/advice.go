package acme

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"unicode"

	ca "github.com/mholt/acmez/v3/acme"
)

// maxShown is how much of an error is shown, in bytes: the CA wrote some of it.
const maxShown = 1500

// nonsense is what a CA does that no CA should.
type nonsense string

func (n nonsense) Error() string { return string(n) }

// unreachable reports whether a try ended before the CA had said anything: it
// could not be reached, or our storage not be used.
func unreachable(err error) bool {
	return !errors.As(err, new(nonsense)) && !errors.As(err, new(ca.Problem)) &&
		(errors.As(err, new(*url.Error)) || errors.As(err, new(*fs.PathError)) || errors.Is(err, context.DeadlineExceeded))
}

// shown makes an error fit for a log line.
func shown(err error) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + " ..."
	}
	return text
}

// advice says what to do about an error (types of RFC 8555 section 6.7).
func advice(err error) string {
	var p ca.Problem
	switch isProblem := errors.As(err, &p); {
	case errors.As(err, new(*fs.PathError)):
		return "check that acme-storage can be read and written by this process"
	case unreachable(err):
		return "check that acme-directory can be reached from here, and that acme-ca-file has the CA of its HTTPS if that is a private one"
	case !isProblem:
		return "check that acme-directory is the ACME directory of a CA; if it is, this is for the CA to mend"
	}
	switch p.Type {
	case ca.ProblemTypeRateLimited:
		return "nothing: it is tried again when the CA allows it; keep acme-storage over restarts, and see the CA's page on its limits"
	case ca.ProblemTypeConnection, ca.ProblemTypeDNS, ca.ProblemTypeUnauthorized, ca.ProblemTypeTLS, ca.ProblemTypeIncorrectResponse:
		return "check that the host's DNS entries (A and AAAA) lead here from the internet, to port 80 for http-01 and port 443 for tls-alpn-01, through every firewall and load balancer"
	case ca.ProblemTypeCAA:
		return "allow this CA in the CAA records of the host's domain, or use another CA"
	case ca.ProblemTypeRejectedIdentifier, ca.ProblemTypeUnsupportedIdentifier:
		return "take the host out of acme-hosts: the CA does not issue for it"
	case ca.ProblemTypeExternalAccountRequired:
		return "set acme-eab-key-id and acme-eab-hmac to what the CA gave you"
	case ca.ProblemTypeUserActionRequired:
		return "the CA wants something of you, such as to agree to new terms: see " + p.Instance
	case ca.ProblemTypeInvalidContact, ca.ProblemTypeUnsupportedContact:
		return "correct acme-email"
	case ca.ProblemTypeServerInternal:
		return "nothing: the CA has a problem of its own, see its status page"
	}
	return "see what the CA says, and its documentation"
}
