package admin

import (
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/message"
)

// Handler returns everything the support listener serves.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.index)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", a.ready)
	if a.sources.Metrics != nil {
		mux.Handle("GET /metrics", a.sources.Metrics)
		mux.Handle("GET /metrics/", a.sources.Metrics)
	}
	if a.sources.Routes != nil {
		mux.Handle("GET /routes", routeList{a.sources.Routes})
	}
	if a.values.Profile {
		mux.HandleFunc("GET /debug/pprof/", profile(pprof.Index))
		mux.HandleFunc("GET /debug/pprof/profile", profile(pprof.Profile))
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", profile(pprof.Trace))
		// The arguments may hold secrets, so the name must do.
		mux.HandleFunc("GET /debug/pprof/cmdline", func(w http.ResponseWriter, _ *http.Request) {
			text(w, http.StatusOK, filepath.Base(os.Args[0]))
		})
	}
	return guarded{mux}
}

// profile bounds how long a profile takes: package pprof moves the write
// timeout to whatever ?seconds= asks for.
func profile(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s := r.URL.Query().Get("seconds"); s != "" {
			n, err := strconv.ParseFloat(s, 64)
			if err != nil || !(n > 0 && n <= maxProfile.Seconds()) {
				text(w, http.StatusBadRequest, fmt.Sprintf("invalid seconds: found %q, expected a number up to %v\n", s, maxProfile.Seconds()))
				return
			}
		}
		next(w, r)
	}
}

func (a *Admin) ready(w http.ResponseWriter, _ *http.Request) {
	reason := message.ReasonNone
	if a.sources.Ready != nil {
		reason = a.sources.Ready.Ready()
	}
	if reason == message.ReasonNone {
		text(w, http.StatusOK, "ready\n")
		return
	}
	w.Header().Set("Retry-After", "1")
	text(w, http.StatusServiceUnavailable, reason.Code()+": "+reason.Meaning()+"\n")
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// index lists what there is.
func (a *Admin) index(w http.ResponseWriter, _ *http.Request) {
	pages := []struct {
		path, doc string
		there     bool
	}{
		{"/metrics", "metrics in Prometheus' text format", a.sources.Metrics != nil},
		{"/routes", "routes in force", a.sources.Routes != nil},
		{"/routes?invalid=true", "routes that were left out, and why", a.sources.Routes != nil},
		{"/healthz", "200 while the process runs", true},
		{"/readyz", "200 while requests are served", true},
		{"/debug/pprof/", "profiles", a.values.Profile},
	}
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<title>Fairlead</title>\n<h1>Fairlead</h1>\n<ul>\n")
	for _, p := range pages {
		if p.there {
			fmt.Fprintf(&b, "<li><a href=%q>%s</a>: %s</li>\n", p.path, p.path, p.doc)
		}
	}
	b.WriteString("</ul>\n</html>\n")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, b.String())
}
