package proxy

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/kit/cidr"
	"fairlead.dev/fairlead/message"
)

// privateNetworks are what "private" in -trusted-proxies means: load balancers
// stand there, clients from outside do not (RFC 1918, 3927, 4193, 4291, 6598).
func privateNetworks() []string {
	return []string{
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"::1/128", "fc00::/7", "fe80::/10",
	}
}

// trust is the one policy for what clients claim about themselves: where a
// request came from, how, and for which URL (message.Claim). Of a client in a
// trusted network, a load balancer, the fields stay, in their own spelling; of
// everybody else they are dropped. Afterwards predicates, filters, the access
// log and backends see the same.
type trust struct {
	proxies *cidr.Set
	log     *slog.Logger
	dropped atomic.Int64 // fields
	quietTo atomic.Int64 // on the sweeper's clock
	told    atomic.Int64 // dropped, when it was last logged
}

func newTrust(networks []string, log *slog.Logger) (*trust, error) {
	var all []string
	for _, item := range networks {
		switch item = strings.TrimSpace(item); strings.ToLower(item) {
		case "", "none":
		case "private":
			all = append(all, privateNetworks()...)
		case "all":
			all = append(all, "0.0.0.0/0", "::/0")
		default:
			all = append(all, item)
		}
	}
	set, err := cidr.Parse(all)
	if err != nil {
		return nil, fmt.Errorf("-trusted-proxies: %w; \"private\", \"all\" and \"none\" are known, too", err)
	}
	return &trust{proxies: set, log: log}, nil
}

// trusts reports whether the client is a proxy that says the truth. Of a client
// without an address nothing is known.
func (t *trust) trusts(client netip.Addr) bool {
	return t.proxies.Contains(client.Unmap().WithZone(""))
}

// apply drops what the client may not claim. now is the sweeper's clock.
func (t *trust) apply(r *message.Request, now int64) {
	for _, f := range r.Header.Fields() {
		if f.Kind != message.KindOther {
			continue
		}
		if claim, _ := message.Claim(f.Name); claim {
			t.sort(r, now)
			return
		}
	}
}

func (t *trust) sort(r *message.Request, now int64) {
	trusted := t.trusts(r.Remote.Addr())
	n, example := 0, ""
	r.Header.DelFunc(func(f message.Field) bool {
		claim, canonical := message.Claim(f.Name)
		if !claim || trusted && canonical {
			return false
		}
		n, example = n+1, f.Name
		return true
	})
	if n > 0 {
		t.dropped.Add(int64(n))
		t.tell(r, example, trusted, now)
	}
}

// tellEvery is how often the log says that fields were dropped.
const tellEvery = time.Minute

// tell logs that fields were dropped, seldom: clients decide how often it
// happens.
func (t *trust) tell(r *message.Request, name string, trusted bool, now int64) {
	to := t.quietTo.Load()
	if now < to || !t.quietTo.CompareAndSwap(to, max(now, 1)+int64(tellEvery)) {
		return
	}
	why := "the client is in no network of -trusted-proxies"
	if trusted {
		why = "the name is spelt with something else than \"-\", which backends may take for the field itself"
	}
	total := t.dropped.Load()
	t.log.Warn("dropped a field that only proxies may set", "field", name, "client", r.Remote.String(), "why", why,
		"dropped", total-t.told.Swap(total))
}

// Untrusted returns how many fields were dropped because their senders may not
// claim what they say.
func (p *Proxy) Untrusted() int64 { return p.trust.dropped.Load() }
