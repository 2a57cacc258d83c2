package certs

import (
	"log/slog"
	"slices"
	"time"
)

// alike returns those of certs that serve the same names as the first: so a
// default may be one certificate with ECDSA and one with RSA.
func alike(certs []*Certificate) []*Certificate {
	var same []*Certificate
	for _, c := range certs {
		if sameNames(c.exact, certs[0].exact) && sameNames(c.wild, certs[0].wild) {
			same = append(same, c)
		}
	}
	return same
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// expiry says when certificates are about to expire, each once, and once more
// when it has. The zero value is ready.
type expiry struct {
	next time.Time
	said map[string]state
}

type state uint8

const (
	soon state = iota + 1
	early
	expired
)

// mostSaid bounds the lines of one look.
const mostSaid = 20

// due reports whether it is time to look: once a minute.
func (e *expiry) due(now time.Time) bool { return !now.Before(e.next) }

// look looks at all certificates.
func (e *expiry) look(now time.Time, all []Status, log *slog.Logger) {
	e.next = now.Add(time.Minute)
	said, lines := map[string]state{}, 0
	for _, s := range all {
		st := s.state(now)
		if st == 0 {
			continue
		}
		key := s.Origin + "\x00" + s.From + "\x00" + s.NotAfter.String()
		if said[key] = st; e.said[key] == st {
			continue
		}
		if lines++; lines > mostSaid {
			continue
		}
		switch st {
		case soon:
			log.Warn("a certificate expires soon, renew it", "file", s.From, "names", s.some(), "not_after", day(s.NotAfter), "left", s.NotAfter.Sub(now).Round(time.Second))
		case early:
			log.Warn("a certificate is not valid yet", "file", s.From, "names", s.some(), "not_before", day(s.NotBefore))
		case expired:
			log.Warn("a certificate has expired, clients refuse it: renew it", "file", s.From, "names", s.some(), "not_after", day(s.NotAfter))
		}
	}
	if lines > mostSaid {
		log.Warn("more certificates have expired or will soon", "not_logged", lines-mostSaid)
	}
	e.said = said
}

// state says whether something is the matter with the dates: the last tenth of
// its life is soon, for whoever renews does it long before.
func (s Status) state(now time.Time) state {
	switch {
	case now.After(s.NotAfter):
		return expired
	case now.Before(s.NotBefore):
		return early
	case s.NotAfter.Sub(now) < s.NotAfter.Sub(s.NotBefore)/10:
		return soon
	}
	return 0
}

// some returns the first few names.
func (s Status) some() []string { return s.Names[:min(len(s.Names), 5)] }
