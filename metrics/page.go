package metrics

import (
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
)

// maxScrapes bounds how many scrapers are answered at a time.
const maxScrapes = 8

// page is the metrics page. Plain text, which every scraper takes unless it
// was told otherwise, is written straight from the cells: with ten thousand
// routes the client library needs 110 MB of garbage and eight times as long
// for the same bytes. Every other format is left to the library.
type page struct {
	m       *Metrics
	formats []expfmt.Format
	library http.Handler
	scrapes chan struct{} // one item for each scrape of plain text
}

// Handler returns the metrics page: Prometheus text, or what else the scraper
// negotiates.
func (m *Metrics) Handler() http.Handler {
	if m == nil {
		return http.NotFoundHandler()
	}
	p := &page{m: m, formats: expfmt.DefaultAcceptedFormats(), scrapes: make(chan struct{}, maxScrapes)}
	if m.on.OpenMetrics {
		p.formats = expfmt.DefaultOpenMetricsAcceptedFormats()
	}
	p.library = promhttp.HandlerFor(prometheus.Gatherers{m.registry, m.others}, promhttp.HandlerOpts{
		ErrorLog:            scrapeLog{m.log},
		ErrorHandling:       promhttp.ContinueOnError,
		DisableCompression:  m.on.NoCompression,
		MaxRequestsInFlight: maxScrapes,
		CoalesceGather:      true,
		EnableOpenMetrics:   m.on.OpenMetrics,
	})
	return p
}

// ServeHTTP writes the page.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, p.formats...)
	if format.FormatType() != expfmt.TypeTextPlain || r.URL.Query().Has("name[]") {
		p.library.ServeHTTP(w, r)
		return
	}
	select {
	case p.scrapes <- struct{}{}:
		defer func() { <-p.scrapes }()
	default:
		http.Error(w, fmt.Sprintf("%d scrapers are being answered, try again later", maxScrapes), http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", string(format))
	h.Add("Vary", "Accept")
	if err := p.write(w, r); err != nil {
		p.m.log.Debug("metrics page was not sent", "err", err)
	}
}

func (p *page) write(w http.ResponseWriter, r *http.Request) error {
	if p.m.on.NoCompression {
		return p.m.writeText(w)
	}
	w.Header().Add("Vary", "Accept-Encoding")
	if r.Method == http.MethodHead || !acceptsGzip(r.Header.Values("Accept-Encoding")) {
		return p.m.writeText(w)
	}
	w.Header().Set("Content-Encoding", "gzip")
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := p.m.writeText(z); err != nil {
		return err
	}
	return z.Close()
}

// acceptsGzip reports whether an Accept-Encoding allows gzip (RFC 9110 12.5.3).
func acceptsGzip(values []string) bool {
	for _, value := range values {
		for coding := range strings.SplitSeq(value, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			name = strings.TrimSpace(name)
			if name != "*" && !strings.EqualFold(name, "gzip") {
				continue
			}
			_, q, found := strings.Cut(weight, "=")
			return !found || strings.Trim(q, " \t0.") != ""
		}
	}
	return false
}

// scrapeLog takes the errors of the library.
type scrapeLog struct{ log *slog.Logger }

func (l scrapeLog) Println(v ...any) {
	l.log.Error("metrics page is incomplete", "err", strings.TrimSpace(fmt.Sprintln(v...)))
}

// writeText writes the whole page as Prometheus text.
func (m *Metrics) writeText(w io.Writer) error {
	others, err := m.others.Gather()
	if err != nil {
		m.log.Error("metrics page is incomplete", "err", err)
	}
	t := newText(w)
	m.walk(t.add)
	for _, f := range m.all {
		if err := t.family(f); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, family := range others {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return err
		}
	}
	return nil
}
