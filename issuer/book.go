package issuer

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/httpcall"
	"fairlead.dev/fairlead/kit/live"
	"fairlead.dev/fairlead/kit/memo"
)

// mostEntries bounds the providers and key sets of a Book. Those who have one keep
// it when the Book begins anew.
const mostEntries = 1000

// Book has the issuers of a process. Its methods may be called at the same time.
type Book struct {
	log     *slog.Logger
	calls   *httpcall.Client
	fetches live.Group
	ctx     context.Context // ends with Close
	close   context.CancelFunc

	introspections *memo.Memo[asked, Claims]

	mu        sync.Mutex
	providers map[string]*Provider
	keys      map[string]*Keys
}

type bookKey struct{}

// In returns the Book of the process that env is of.
func In(env *filter.Env) *Book {
	return env.Shared(bookKey{}, func() any { return newBook(env.Log) }).(*Book)
}

func newBook(log *slog.Logger) *Book {
	b := &Book{
		log: log, calls: httpcall.New(httpcall.Config{}),
		introspections: memo.New[asked, Claims](memo.Config{}),
		providers:      map[string]*Provider{}, keys: map[string]*Keys{},
	}
	b.ctx, b.close = context.WithCancel(context.Background())
	return b
}

// Close ends the fetching and waits for it.
func (b *Book) Close() error {
	b.mu.Lock()
	b.close()
	b.mu.Unlock()
	b.fetches.Wait()
	return errors.Join(b.introspections.Close(), b.calls.Close())
}

// Provider returns the issuer with this URL. Nothing is fetched yet.
func (b *Book) Provider(url string) *Provider {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.providers[url]
	if p == nil {
		if len(b.providers) >= mostEntries {
			clear(b.providers)
		}
		p = newProvider(b, url)
		b.providers[url] = p
	}
	return p
}

// Keys returns the key set (JWKS, RFC 7517) with this URL. Nothing is fetched yet.
func (b *Book) Keys(url string) *Keys {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.keys[url]
	if k == nil {
		if len(b.keys) >= mostEntries {
			clear(b.keys)
		}
		k = newKeys(b, url)
		b.keys[url] = k
	}
	return k
}

// begin runs f in a goroutine of the Book; it reports false after Close.
func (b *Book) begin(f func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx.Err() != nil {
		return errors.New("the process ends")
	}
	b.fetches.Go(f)
	return nil
}
