package cache

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// shared is what the filters of a process have in common.
type shared struct {
	opts    *Values
	most    int64 // bytes of a response
	store   *store
	flights flights
	filling atomic.Int64 // bytes left for bodies that are not complete yet
	ids     atomic.Uint64

	hit, miss, stale, collapsed, oversized, renewFailed, renewDropped filter.Counter

	ctx    context.Context // ends the renewals
	cancel context.CancelFunc
	mu     sync.Mutex
	closed bool
	under  int // renewals under way
	wg     sync.WaitGroup
}

type sharedKey struct{}

func sharedOf(env *filter.Env) *shared {
	return env.Shared(sharedKey{}, func() any {
		m := env.Metrics
		s := &shared{
			opts: Options.From(env.Options), flights: flights{on: map[string]*flight{}},
			hit: m.Counter("cache.hit"), miss: m.Counter("cache.miss"), stale: m.Counter("cache.stale"),
			collapsed: m.Counter("cache.collapsed"), oversized: m.Counter("lru_oversized"),
			renewFailed: m.Counter("reval_error"), renewDropped: m.Counter("reval_dropped"),
		}
		s.store = newStore(s.opts.Size, m.Gauge("lru_bytes"), m.Counter("lru_eviction"))
		s.most = min(s.opts.MaxEntry, s.store.most)
		s.filling.Store(s.opts.Size / 4)
		s.ctx, s.cancel = context.WithCancel(context.Background())
		return s
	}).(*shared)
}

// take takes n bytes for a body that is being read.
func (s *shared) take(n int64) bool {
	if s.filling.Add(-n) < 0 {
		s.filling.Add(n)
		return false
	}
	return true
}

// Close ends the renewals and waits for them.
func (s *shared) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	return nil
}

// renewal is the label of requests by which the cache renews what it stores. It is
// none that a route or a client could write.
const renewal = "\x00renewal"

// renewTime bounds a renewal.
const renewTime = 30 * time.Second

// renew asks for e once more, through the routes, so that the next request finds
// it fresh (RFC 5861 3). The client has its answer already.
func (s *shared) renew(c *filter.Context, e *entry) {
	router := c.Router()
	if router == nil || c.Request.Tee != "" || !e.renewing.CompareAndSwap(false, true) {
		return
	}
	s.mu.Lock()
	room := !s.closed && s.under < s.opts.Renewals
	if room {
		s.under++
		s.wg.Add(1)
	}
	s.mu.Unlock()
	if !room {
		s.renewDropped.Add(1)
		e.renewing.Store(false)
		return
	}
	req := asAsked(c)
	go func() {
		defer s.wg.Done()
		defer func() {
			e.renewing.Store(false)
			s.mu.Lock()
			s.under--
			s.mu.Unlock()
		}()
		ctx, cancel := context.WithTimeout(s.ctx, renewTime)
		defer cancel()
		resp, err := router.Exchange(ctx, req)
		if err != nil || drop(resp) != nil || resp.Status >= 500 {
			s.renewFailed.Add(1)
		}
	}()
}

// asAsked returns the request with the target that the client asked for: it finds
// the same route, whose filters change it once more.
func asAsked(c *filter.Context) *message.Request {
	r := c.Request.Clone()
	o := c.Original
	was := message.Request{Method: o.Method, Host: o.Host, Path: o.Path, RawPath: o.RawPath, Query: o.Query}
	was = was.Clone()
	r.Method, r.Host, r.Path, r.RawPath, r.Query = "GET", was.Host, was.Path, was.RawPath, was.Query
	r.Tee = renewal
	for _, name := range [...]string{"Cache-Control", "Pragma", "If-None-Match", "If-Modified-Since"} {
		r.Header.Del(name) // those of one client
	}
	return &r
}

// drop reads a response to its end, which stores it.
func drop(resp *message.Response) error {
	if resp.Body == nil {
		return nil
	}
	_, err := io.Copy(io.Discard, resp.Body)
	if c, ok := resp.Body.(io.Closer); ok {
		if cerr := c.Close(); err == nil {
			err = cerr
		}
	}
	return err
}
