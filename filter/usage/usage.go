package usage

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:    "apiUsageMonitoring",
	Params:  []arg.Param{{Name: "api", Type: arg.Text, Many: true}},
	Doc:     "counts how an API is used, by path template, method, status and client; an argument is a JSON object with application_id, tag, api_id, path_templates and client_tracking_pattern; needs -enable-api-usage-monitoring",
	Example: `* -> apiUsageMonitoring("{\"application_id\": \"shop\", \"tag\": \"staging\", \"api_id\": \"orders\", \"path_templates\": [\"/orders\", \"/orders/{order-id}\"]}") -> "http://127.0.0.1:8080"`,
	Differs: "arguments that cannot be used are refused instead of ignored; latency_sum is a gauge, because counters count whole numbers; at most 500 realms and clients have keys of their own, because their names are what clients claim; names are at most 128 bytes",
	New:     newUsage,
})

// usage is the filter.
type usage struct {
	templates []counted // in the order in which they are asked
	other     counted
	asker     asker
	clients   *clients
	metrics   filter.Metrics
	began     *filter.Key[*moment]
	moments   sync.Pool
}

// counted is a template with what is counted.
type counted struct {
	*template
	endpoints *endpoints
	before    string         // of keys, up to the API
	known     *regexp.Regexp // clients that are told apart, nil: none
	byClient  bool
}

// moment is when a request came.
type moment struct{ at time.Time }

func newUsage(v arg.Values, env *filter.Env) (filter.Filter, error) {
	opts := Options.From(env.Options)
	f := &usage{
		asker: asker{opts.RealmKeys, opts.ClientKeys, opts.Realms}, metrics: env.Metrics, began: filter.NewKey[*moment]("apiUsageMonitoring"),
		clients: env.Shared(clientsKey{}, func() any { return &clients{all: map[clientName]*client{}} }).(*clients),
	}
	applications := map[string]bool{}
	for i := range v.Len() {
		a, known, err := readAPI(v.Text(i))
		if err != nil {
			return nil, v.Wrong(i, "%w", err)
		}
		applications[a.Application] = true
		before := prefix + a.Application + "." + or(a.Tag, "{no-tag}") + "." + a.API + "."
		byClient := known != nil && len(opts.RealmKeys) > 0 && len(opts.ClientKeys) > 0
		for _, text := range a.Templates {
			t, err := readTemplate(text)
			if err != nil {
				return nil, v.Wrong(i, "%w", err)
			}
			f.add(t, before, known, byClient)
		}
	}
	if !opts.Enable {
		return idle{}, nil
	}
	application := unknown
	if len(applications) == 1 {
		for application = range applications {
		}
	}
	before := prefix + application + ".{no-tag}." + unknown + "."
	f.other = counted{endpoints: &endpoints{metrics: f.metrics, before: before, name: "{no-match}"}, before: before, byClient: len(opts.RealmKeys) > 0}
	// Longer expressions come after shorter ones that begin alike: turn that round.
	slices.SortStableFunc(f.templates, func(a, b counted) int { return strings.Compare(b.matcher.String(), a.matcher.String()) })
	return f, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// add adds a template, unless there is one that means the same.
func (f *usage) add(t *template, before string, known *regexp.Regexp, byClient bool) {
	if slices.ContainsFunc(f.templates, func(c counted) bool {
		return c.name == t.name || c.matcher.String() == t.matcher.String()
	}) {
		return
	}
	e := &endpoints{metrics: f.metrics, before: before, name: t.name}
	f.templates = append(f.templates, counted{t, e, before, known, byClient})
}

func (f *usage) Request(c *filter.Context) {
	m, ok := f.moments.Get().(*moment)
	if !ok {
		m = new(moment)
	}
	m.at = time.Now()
	f.began.Set(c, m)
}

func (f *usage) Response(c *filter.Context) {
	m, ok := f.began.Get(c)
	if !ok || m == nil {
		return
	}
	took := time.Since(m.at)
	f.began.Set(c, nil)
	f.moments.Put(m)
	t := f.template(c.Request.Path)
	status := c.Response.Status
	e := t.endpoints.of(c.Request.Method)
	e.all.Add(1)
	e.classes[class(status)].Add(1)
	e.latency.Observe(took)
	if t.byClient {
		f.clients.of(f.metrics, clientName{t.before, f.asker.ask(c.Request, t.known)}).add(status, took)
	}
}

// template returns that of a path.
func (f *usage) template(path string) *counted {
	for i := range f.templates {
		if f.templates[i].matcher.MatchString(path) {
			return &f.templates[i]
		}
	}
	return &f.other
}

// idle is the filter when it is not enabled.
type idle struct{}

func (idle) Request(*filter.Context)  {}
func (idle) Response(*filter.Context) {}

// Phases returns none.
func (idle) Phases() filter.Phase { return 0 }
