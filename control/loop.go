package control

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/table"
)

// Config is what a Loop needs.
type Config struct {
	// Sources in the order of their precedence.
	Sources  []source.Source
	Compiler *route.Compiler
	Table    table.Options
	// Publish takes each new table into use. The Value of its routes is a
	// *route.Route. It is called by one goroutine at a time and must not block.
	Publish func(*table.Table)
	// Observe, if set, is told of each change of the Status, under the same
	// conditions.
	Observe func(*Status)
	// Created, if set, is told how old the objects of an origin were, as the filter
	// originMarker has it, when their first route was published; not of those that
	// are there from the start. The same conditions hold.
	Created func(origin string, age time.Duration)
	Log     *slog.Logger
	// Quiet leaves single routes out of the log.
	Quiet bool
	// Drain is how long a route that left the table stays open; 0 means a
	// minute.
	Drain time.Duration
}

// Loop keeps the routing table as its sources ask for it.
type Loop struct {
	Config
	origins []*origin
	status  atomic.Pointer[Status]
	loaded  chan struct{} // closed by all when every source has delivered
	all     sync.Once

	turn sync.Mutex // held by who changes what follows
	book *book
	// table is the latest; it counts as published from generation 1 on.
	table      *table.Table
	generation uint64
	updated    time.Time
	drain      drain
	marks      marks
	said       map[string]bool // problems that were logged
}

// New returns a loop that has not read anything yet.
func New(c Config) *Loop {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Drain == 0 {
		c.Drain = time.Minute
	}
	l := &Loop{
		Config: c,
		loaded: make(chan struct{}),
		book:   newBook(),
		table:  table.New(c.Table),
		drain:  drain{grace: c.Drain},
		marks:  marks{told: c.Created},
		said:   map[string]bool{},
	}
	for i, s := range c.Sources {
		l.origins = append(l.origins, &origin{source: s, index: i, wake: make(chan struct{}, 1)})
	}
	l.status.Store(l.snapshot())
	return l
}

// Status returns what the loop knows now.
func (l *Loop) Status() *Status { return l.status.Load() }

// Loaded returns a channel that is closed when every source has delivered.
func (l *Loop) Loaded() <-chan struct{} { return l.loaded }

// retryInvalid is how often definitions that do not compile are tried again.
const retryInvalid = time.Minute

// Run follows the sources until ctx ends. Then it closes all routes: whoever
// uses the published tables must be done before. It returns nil.
func (l *Loop) Run(ctx context.Context) error {
	defer l.Close()
	inbox := make(chan delivery)
	var followers sync.WaitGroup
	defer followers.Wait()
	for _, o := range l.origins {
		followers.Go(func() { o.follow(ctx, inbox) })
		followers.Go(func() { o.watch(ctx, inbox) })
	}
	if len(l.origins) == 0 {
		l.logErrors(l.update(nil))
	}
	retry := time.NewTicker(retryInvalid)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-inbox:
			l.logErrors(l.update(batch(d, inbox)))
		case <-retry.C:
			l.retry()
		case <-l.nextClose():
			l.closeDue()
		}
	}
}

// batch adds to d what else has arrived.
func batch(d delivery, inbox <-chan delivery) []delivery {
	all := []delivery{d}
	for {
		select {
		case d := <-inbox:
			all = append(all, d)
		default:
			return all
		}
	}
}

// RunOnce reads all sources once and brings the table up to date. The error
// joins those of sources that could not be read; the others are in force all
// the same. It must not be called while Run runs.
func (l *Loop) RunOnce(ctx context.Context) error {
	all := make([]delivery, len(l.origins))
	var reading sync.WaitGroup
	for i, o := range l.origins {
		reading.Go(func() { all[i] = o.read(ctx) })
	}
	reading.Wait()
	return errors.Join(l.update(all)...)
}

// update takes what was read from sources, brings the table up to date and
// reports. It returns errors of sources that are not the same as before.
func (l *Loop) update(read []delivery) []error {
	l.turn.Lock()
	defer l.turn.Unlock()
	start := time.Now()
	var errs []error
	news := len(l.origins) == 0
	for _, d := range read {
		n, err := l.receive(d, start)
		news = news || n
		if err != nil {
			errs = append(errs, err)
		}
	}
	l.apply(start, news, len(errs) > 0)
	return errs
}

// retry compiles invalid definitions again.
func (l *Loop) retry() {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.book.retry()
	l.apply(time.Now(), false, false)
}

// receive takes one delivery. news tells whether the source delivers something
// new, or anything again; err is the delivery's unless it was the same the last
// time.
func (l *Loop) receive(d delivery, now time.Time) (news bool, err error) {
	o := d.from
	if d.err != nil {
		if o.err != nil && o.err.Error() == d.err.Error() {
			return false, nil
		}
		o.err = d.err
		return false, d.err
	}
	recovered := o.err != nil
	if recovered {
		o.err = nil
		l.Log.Info("source of routes can be read again", "source", o.source.Name())
	}
	if o.loaded && d.set.Version != "" && d.set.Version == o.set.Version {
		return recovered, nil
	}
	o.loaded, o.changedAt = true, now
	if w := l.Compiler.Rewriter; w != nil {
		d.set = o.rewrite(w, d.set)
	}
	l.book.take(o, d.set)
	return true, nil
}

// nextClose returns when the next route is to be closed: never, if nil.
func (l *Loop) nextClose() <-chan time.Time {
	l.turn.Lock()
	defer l.turn.Unlock()
	wait, ok := l.drain.next(time.Now())
	if !ok {
		return nil
	}
	return time.After(wait)
}

func (l *Loop) closeDue() {
	l.turn.Lock()
	due := l.drain.due(time.Now())
	l.turn.Unlock()
	l.closeRoutes(due)
}

// Close closes every route, also those that serve. Run does it at its end; it
// is for who used RunOnce. The loop cannot be used afterwards.
func (l *Loop) Close() {
	l.turn.Lock()
	routes := l.drain.all()
	for _, id := range slices.Sorted(maps.Keys(l.book.entries)) {
		if e := l.book.entries[id]; e.served != nil {
			routes = append(routes, e.served)
		}
	}
	l.turn.Unlock()
	l.closeRoutes(routes)
}

func (l *Loop) closeRoutes(routes []*route.Route) {
	for _, r := range routes {
		if err := r.Close(); err != nil {
			l.Log.Warn("route left something open", "error", err)
		}
	}
}
