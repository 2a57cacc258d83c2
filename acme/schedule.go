package acme

import (
	"context"
	"crypto/x509"
	"math/rand/v2"
	"time"
)

const (
	// longestSleep is how long a wait trusts the monotonic clock, which stands
	// still while a machine is suspended.
	longestSleep = 10 * time.Minute
	// ariPeriod is how often the CA is asked when to renew, unless it says so
	// (RFC 9773 section 4.3.2); no answer of it moves that out of these limits.
	ariPeriod    = 6 * time.Hour
	ariShortest  = time.Minute
	ariLongest   = 24 * time.Hour
	savePeriod   = 10 * time.Minute
	longestRetry = 24 * time.Hour
)

// Backoff returns the time until the next try after so many failures in a row.
// Where the CA could not be reached (refused is false), a try costs nothing and the network may be
// there soon: 15 s, doubled up to an hour. Where it refused, or sent what
// cannot be used, each try counts
// against its limits (Let's Encrypt: 5 failed validations per host and hour): 4
// minutes, doubled up to 6 hours. A fifth more or less by chance keeps many
// processes apart.
func Backoff(failures int, refused bool) time.Duration {
	first, most := 15*time.Second, time.Hour
	if refused {
		first, most = 4*time.Minute, 6*time.Hour
	}
	d := first
	for i := 1; i < failures && d < most; i++ {
		d *= 2
	}
	return time.Duration(float64(min(d, most)) * (0.8 + 0.4*rand.Float64()))
}

// renewAt returns when a certificate is to be renewed: when the CA said, but not
// so late that no time for retries is left, else when a third of its life is
// left. chance in [0, 1) spreads processes over a fiftieth of its life.
func renewAt(leaf *x509.Certificate, said time.Time, chance float64) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	if latest := leaf.NotAfter.Add(-life / 6); !said.IsZero() {
		if said.After(latest) {
			return latest
		}
		return said
	}
	return leaf.NotAfter.Add(-life/3 - time.Duration(chance*float64(life)/50))
}

// waitUntil waits for a time of the wall clock; false means that ctx ended.
func waitUntil(ctx context.Context, at time.Time) bool {
	for {
		left := time.Until(at.Round(0))
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(min(left, longestSleep))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
