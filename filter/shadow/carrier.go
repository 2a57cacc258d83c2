package shadow

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"fairlead.dev/fairlead/filter"
)

// marker is the field by which a shadow is known: that of the peer.
const marker = "X-Skipper-Shadow-Traffic"

// carrier sends all shadows of a process.
type carrier struct {
	opts        *Values
	log         *slog.Logger
	credentials hosts
	problem     error // why there is none
	memory      budget
	client      *http.Client // follows redirects to the same host
	direct      *http.Client // follows none

	sent, failed, busy, overflow filter.Counter

	ctx    context.Context // ends all shadows
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	under  int            // way, in all
	hosts  map[string]int // and for each host
	quiet  time.Time      // until then failures are not logged
}

type carrierKey struct{}

// carrierOf returns the one carrier of the process.
func carrierOf(env *filter.Env) (*carrier, error) {
	c := env.Shared(carrierKey{}, func() any { return newCarrier(env) }).(*carrier)
	return c, c.problem
}

func newCarrier(env *filter.Env) *carrier {
	c := &carrier{opts: Options.From(env.Options), log: env.Log, hosts: map[string]int{}}
	c.sent, c.failed = env.Metrics.Counter("shadow.sent"), env.Metrics.Counter("shadow.failed")
	c.busy, c.overflow = env.Metrics.Counter("shadow.dropped.busy"), env.Metrics.Counter("shadow.dropped.overflow")
	c.credentials, c.problem = newHosts(c.opts.Credentials)
	c.memory.left.Store(c.opts.Memory)
	tr := &http.Transport{
		DialContext:       (&net.Dialer{Timeout: c.opts.Timeout, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConns: c.opts.Most, MaxIdleConnsPerHost: c.opts.MostPerHost, IdleConnTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: 256 << 10, ExpectContinueTimeout: time.Second,
	}
	c.client = &http.Client{Transport: tr, CheckRedirect: sameHost}
	c.direct = &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// mostRedirects is how many a shadow follows.
const mostRedirects = 5

// sameHost keeps shadows where the route sent them.
func sameHost(next *http.Request, before []*http.Request) error {
	if len(before) > mostRedirects || next.URL.Host != before[0].URL.Host || next.URL.Scheme != before[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// Close ends all shadows and waits for them.
func (c *carrier) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.wg.Wait()
	c.client.CloseIdleConnections()
	return nil
}

// place takes a place for a shadow to host ("": through the routes).
func (c *carrier) place(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.under >= c.opts.Most || c.hosts[host] >= c.opts.MostPerHost {
		c.busy.Add(1)
		return false
	}
	c.under++
	c.hosts[host]++
	c.wg.Add(1) // with the lock: Close waits for it or forbids it
	return true
}

func (c *carrier) leave(host string) {
	c.mu.Lock()
	c.under--
	if c.hosts[host]--; c.hosts[host] == 0 {
		delete(c.hosts, host)
	}
	c.mu.Unlock()
	c.wg.Done()
}

// carry runs send, which sends one shadow and drops its answer, in a goroutine;
// place gave it leave.
func (c *carrier) carry(host, route string, send func(context.Context) error) {
	c.sent.Add(1)
	go func() {
		defer c.leave(host)
		ctx, cancel := context.WithTimeout(c.ctx, c.opts.Timeout)
		defer cancel()
		if err := send(ctx); err != nil && !errors.Is(err, errOverflow) { // that is counted
			c.fail(host, route, err)
		}
	}()
}

// ask sends a request to another server.
func ask(ctx context.Context, client *http.Client, req *http.Request) error {
	resp, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return err
	}
	return errors.Join(drain(resp.Body), resp.Body.Close())
}

// mostDrained bounds what is read of the answer to a shadow.
const mostDrained = 1 << 20

func drain(body io.Reader) error {
	if _, err := io.CopyN(io.Discard, body, mostDrained); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// quietFor is how long nothing more is logged after a failure.
const quietFor = 10 * time.Second

func (c *carrier) fail(host, route string, err error) {
	c.failed.Add(1)
	if c.ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	now := time.Now()
	quiet := now.Before(c.quiet)
	if !quiet {
		c.quiet = now.Add(quietFor)
	}
	c.mu.Unlock()
	if !quiet {
		c.log.Warn("a shadow failed; shadow.failed counts them", "route", route, "host", host, "error", plain(err))
	}
}

// plain takes the URL out of an error: queries carry what logs should not.
func plain(err error) string {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return err.Error()
}

// newTape returns what a body goes through.
func (c *carrier) newTape() *tape {
	return newTape(int(c.opts.Buffer), &c.memory, func() { c.overflow.Add(1) })
}

// tapes are those of an exchange's request.
var tapes = filter.NewKey[[]*tape]("tapes of shadows")

// copyRequest makes the body of the request go onto a tape, too; nil when there
// is none.
func (c *carrier) copyRequest(fc *filter.Context) *tape {
	r := fc.Request
	if r.Body == nil {
		return nil
	}
	t := c.newTape()
	all, _ := tapes.Get(fc)
	tapes.Set(fc, append(all, t))
	r.SetBody(&copied{src: r.Body, tape: t, left: r.ContentLength}, r.ContentLength)
	return t
}

// endTapes is for the End of filters that call copyRequest.
func endTapes(fc *filter.Context) {
	all, _ := tapes.Get(fc)
	for _, t := range all {
		t.end(errCut)
	}
}
