package issuer

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a document whose requests take a second and end as told.
type scripted struct {
	document[int]
	requests atomic.Int64
	fails    atomic.Bool
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	b := newBook(slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &scripted{}
	d.document = document[int]{book: b, url: "u", fresh: time.Hour, load: func() (*int, error) {
		time.Sleep(time.Second)
		n := int(d.requests.Add(1))
		if d.fails.Load() {
			return nil, errors.New("down")
		}
		return &n, nil
	}}
	return d
}

func (d *scripted) want(t *testing.T, value, requests int) {
	t.Helper()
	v, err := d.get(t.Context())
	if value == 0 && err == nil || value != 0 && (err != nil || *v != value) || int(d.requests.Load()) != requests {
		t.Errorf("got %v, %v after %d requests, want %d after %d", v, err, d.requests.Load(), value, requests)
	}
}

func TestDocumentAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newScripted(t)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { d.want(t, 1, 1) })
		}
		wg.Wait()
		time.Sleep(time.Hour - 2*time.Second)
		d.want(t, 1, 1)
		time.Sleep(2 * time.Second)
		d.want(t, 1, 1) // old, and fetched behind our back
		time.Sleep(2 * time.Second)
		d.want(t, 2, 2)
		d.fails.Store(true)
		time.Sleep(23 * time.Hour)
		d.want(t, 2, 2)
		time.Sleep(59 * time.Minute)
		d.want(t, 2, 3)
		time.Sleep(2 * time.Minute)
		d.want(t, 0, 5) // a day old
		d.fails.Store(false)
		time.Sleep(mostPause)
		d.want(t, 6, 6)
	})
}

func TestDocumentPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newScripted(t)
		d.fails.Store(true)
		began := time.Now()
		for range 100 * 60 {
			_, _ = d.get(t.Context())
			time.Sleep(100 * time.Millisecond)
		}
		n := d.requests.Load()
		if minutes := time.Since(began).Minutes(); n < 8 || float64(n) > minutes+8 {
			t.Errorf("%d requests in %.0f minutes", n, minutes)
		}
	})
}

// News are asked for once in ten seconds.
func TestDocumentNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newScripted(t)
		d.want(t, 1, 1)
		for want := 1; want < 5; want++ {
			for range 20 {
				if v, err := d.news(t.Context()); err != nil || *v != want {
					t.Fatalf("got %v, %v, want %d", v, err, want)
				}
			}
			time.Sleep(newsPause)
			if v, err := d.news(t.Context()); err != nil || *v != want+1 {
				t.Fatalf("got %v, %v, want %d", v, err, want+1)
			}
		}
	})
}
