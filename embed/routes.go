package embed

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
)

// sourceName is what the document of a Server is called.
const sourceName = "embedded routes"

// routes is the source of the routes of a Server.
type routes struct {
	mu      sync.Mutex
	text    string
	n       int // counts the documents
	status  *control.Status
	changed func() // says "look again"; nil before Watch
	news    chan struct{}
	ended   bool

	doc *source.Document // of who calls Routes
}

func newRoutes() *routes {
	return &routes{doc: source.NewDocument(sourceName), news: make(chan struct{})}
}

// put replaces the document and returns its number.
func (r *routes) put(text string) (int, error) {
	if strings.TrimSpace(text) != "" {
		if _, err := eskip.Parse(sourceName, text); err != nil {
			return 0, err
		}
	}
	r.mu.Lock()
	r.text = text
	r.n++
	n, changed := r.n, r.changed
	r.mu.Unlock()
	if changed != nil {
		changed()
	}
	return n, nil
}

// Name implements source.Source.
func (r *routes) Name() string { return sourceName }

// Routes implements source.Source.
func (r *routes) Routes(context.Context) (source.Set, error) {
	r.mu.Lock()
	text, n := r.text, r.n
	r.mu.Unlock()
	set, err := r.doc.Read(strings.NewReader(text))
	if err != nil {
		return source.Set{}, err
	}
	set.Version = strconv.Itoa(n) // so that each document is news
	return set, nil
}

// Watch implements source.Source.
func (r *routes) Watch(ctx context.Context, changed func()) error {
	r.mu.Lock()
	r.changed = changed
	r.mu.Unlock()
	changed() // for documents that came before
	<-ctx.Done()
	r.mu.Lock()
	r.changed = nil
	r.mu.Unlock()
	return ctx.Err()
}

// observe takes what the control loop knows.
func (r *routes) observe(st *control.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = st
	close(r.news)
	r.news = make(chan struct{})
}

// end wakes who waits: there will be no more.
func (r *routes) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	close(r.news)
	r.news = make(chan struct{})
}

func (r *routes) last() *control.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// await waits until document n, or a later one, is in force, and returns what is
// wrong with it.
func (r *routes) await(ctx context.Context, n int) error {
	for {
		r.mu.Lock()
		st, news, ended := r.status, r.news, r.ended
		r.mu.Unlock()
		if ended {
			return errors.New("the server has ended")
		}
		if done, err := settled(st, n); done {
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settled reports whether document n, or a later one, was taken, and what is wrong
// with it.
func settled(st *control.Status, n int) (done bool, err error) {
	if st == nil {
		return false, nil
	}
	for _, s := range st.Sources {
		if s.Name != sourceName {
			continue
		}
		if s.Err != nil {
			return true, s.Err
		}
		got, err := strconv.Atoi(s.Version)
		return err == nil && got >= n, errors.Join(problems(st, sourceName)...)
	}
	return false, nil
}

// problems returns what is wrong with the routes of a source, "" for all.
func problems(st *control.Status, of string) []error {
	var all []error
	if st != nil {
		for _, i := range st.Invalid {
			if of == "" || i.Source == of {
				all = append(all, fmt.Errorf("route %q of %s: %w", i.RouteID, i.Source, i.Err))
			}
		}
	}
	return all
}
