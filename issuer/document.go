package issuer

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// fetchTimeout bounds one request for a document.
	fetchTimeout = 5 * time.Second
	// grace is how long a document counts while it cannot be fetched again.
	grace = 24 * time.Hour
	// leastPause and mostPause are between a failure and the next request.
	leastPause = time.Second
	mostPause  = time.Minute
	// newsPause is between two requests because of keys that are not known.
	newsPause = 10 * time.Second
)

// document is what a URL has, as of the last good answer.
type document[T any] struct {
	book  *Book
	url   string
	fresh time.Duration // an older one is fetched again
	load  func() (*T, error)

	mu       sync.Mutex
	value    *T        // nil: none yet
	got      time.Time // when value came
	asked    time.Time // when the last request began
	under    *request  // nil: no request is under way
	failures int       // since value came
	err      error     // of the last request
}

// request is one that is under way.
type request struct{ done chan struct{} }

// get returns the document, which may have to be fetched.
func (d *document[T]) get(ctx context.Context) (*T, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	age := time.Since(d.got)
	if d.value != nil && age < d.fresh {
		return d.value, nil
	}
	if d.under == nil && time.Since(d.asked) >= d.pause() {
		d.begin()
	}
	if d.value != nil && age < grace {
		return d.value, nil
	}
	return d.wait(ctx, grace)
}

// news returns the document after a request that began now or is under way, unless
// there was one just now.
func (d *document[T]) news(ctx context.Context) (*T, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.under == nil && time.Since(d.asked) >= max(newsPause, d.pause()) {
		d.begin()
	}
	return d.wait(ctx, grace)
}

// pause is the time between the last request and the next.
func (d *document[T]) pause() time.Duration {
	if d.failures == 0 {
		return 0
	}
	return min(leastPause<<min(d.failures-1, 10), mostPause)
}

// wait returns the document when no request is under way any more; mu is held.
func (d *document[T]) wait(ctx context.Context, oldest time.Duration) (*T, error) {
	if f := d.under; f != nil {
		d.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
		}
		d.mu.Lock()
		if err := ctx.Err(); err != nil && d.under == f {
			return nil, err
		}
	}
	if d.value != nil && time.Since(d.got) < oldest {
		return d.value, nil
	}
	if d.err == nil {
		return nil, fmt.Errorf("%q was not fetched", d.url)
	}
	return nil, d.err
}

// begin starts a request; mu is held.
func (d *document[T]) begin() {
	f := &request{done: make(chan struct{})}
	d.asked = time.Now()
	if err := d.book.begin(func() { d.run(f) }); err != nil {
		d.err = err
		return
	}
	d.under = f
}

func (d *document[T]) run(f *request) {
	value, err := d.load()
	d.mu.Lock()
	defer d.mu.Unlock()
	defer close(f.done)
	d.under, d.err = nil, err
	if err != nil {
		d.failures++
		if d.failures == 1 {
			d.book.log.Error("document of an issuer of tokens cannot be fetched: its last good one counts on for a day, if there was one", "why", err)
		}
		return
	}
	d.value, d.got, d.failures = value, time.Now(), 0
}

// fetch requests url and parses the answer.
func fetch[T any](b *Book, url string, parse func([]byte) (*T, error)) (*T, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("url %q: %w", url, err)
	}
	req.Header.Set("Accept", "application/json")
	a, err := b.calls.Do(b.ctx, fetchTimeout, req)
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, fmt.Errorf("GET %q: found status %d, expected 200", url, a.Status)
	}
	v, err := parse(a.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %q: %w", url, err)
	}
	return v, nil
}
