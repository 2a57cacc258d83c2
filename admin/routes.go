package admin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
)

// defaultLimit is how many routes are listed unless ?limit= says otherwise.
const defaultLimit = 1024

// routeList answers /routes (spec 1.10). X-Count tells how many routes there
// are in all, X-Timestamp since when; with ?timestamp= a reader of several
// pages makes sure that they are of one set.
type routeList struct{ routes Routes }

func (l routeList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	valid, since := l.routes.Valid()
	stamp := timestamp(since)
	if want := query.Get("timestamp"); want != "" && want != stamp {
		text(w, http.StatusBadRequest, fmt.Sprintf("invalid timestamp: the routes in force are of %s, start again without offset\n", stamp))
		return
	}
	p, err := pageOf(query)
	if err != nil && r.Method != http.MethodHead {
		text(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	asJSON := strings.Contains(r.Header.Get("Accept"), "application/json")
	h := w.Header()
	h.Set("X-Timestamp", stamp)
	h.Set("Vary", "Accept")
	h.Set("Content-Type", "text/plain")
	if asJSON {
		h.Set("Content-Type", "application/json")
	}
	var list lister = validRoutes{valid, eskip.Printer{Pretty: pretty(query)}}
	if query.Get("invalid") == "true" {
		list = invalidRoutes{l.routes.Invalid(), eskip.Printer{Pretty: pretty(query)}}
	}
	h.Set("X-Count", strconv.Itoa(list.len()))
	if r.Method == http.MethodHead {
		return
	}
	from, to := p.bounds(list.len())
	out := bufio.NewWriterSize(w, 32<<10)
	if asJSON {
		err = writeJSON(out, list, from, to)
	} else {
		err = list.text(out, from, to)
	}
	// An error here is that of a reader who went away.
	if err == nil {
		out.Flush()
	}
}

// timestamp returns seconds since 1970, "0" before the first routes.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// page says which part of a list is wanted.
type page struct{ offset, limit int }

func pageOf(query url.Values) (p page, err error) {
	if p.offset, err = number(query, "offset", 0); err != nil {
		return page{}, err
	}
	p.limit, err = number(query, "limit", defaultLimit)
	return p, err
}

func number(query url.Values, name string, otherwise int) (int, error) {
	value := query.Get(name)
	if value == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("invalid %s: found %q, expected a whole number that is not negative", name, value)
	}
	return n, nil
}

// bounds returns the part of a list with n elements.
func (p page) bounds(n int) (from, to int) {
	from = min(p.offset, n)
	return from, from + min(p.limit, n-from)
}

// pretty reports whether text gets line breaks: unless ?nopretty is there with
// any value but "0" and "false".
func pretty(query url.Values) bool {
	v, ok := query["nopretty"]
	return !ok || v[0] == "0" || v[0] == "false"
}

// lister is a list that can be shown.
type lister interface {
	len() int
	json(i int) ([]byte, error)
	text(w io.Writer, from, to int) error
}

func writeJSON(w *bufio.Writer, list lister, from, to int) error {
	w.WriteByte('[')
	for i := from; i < to; i++ {
		if i > from {
			w.WriteByte(',')
		}
		b, err := list.json(i)
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	_, err := w.WriteString("]\n")
	return err
}

type validRoutes struct {
	routes  []*eskip.Route
	printer eskip.Printer
}

func (v validRoutes) len() int                   { return len(v.routes) }
func (v validRoutes) json(i int) ([]byte, error) { return json.Marshal(v.routes[i]) }

func (v validRoutes) text(w io.Writer, from, to int) error {
	if from == to {
		return nil
	}
	if err := v.printer.Print(w, v.routes[from:to]...); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// invalidRoutes are shown with the reason: in JSON as further fields, in text
// as comments above the definition.
type invalidRoutes struct {
	problems []source.Problem
	printer  eskip.Printer
}

func (v invalidRoutes) len() int { return len(v.problems) }

func (v invalidRoutes) json(i int) ([]byte, error) {
	p := v.problems[i]
	fields := map[string]any{}
	if p.Route != nil {
		b, err := json.Marshal(p.Route)
		if err != nil {
			return nil, err
		}
		var of map[string]json.RawMessage
		if err := json.Unmarshal(b, &of); err != nil {
			return nil, err
		}
		for name, value := range of {
			fields[name] = value
		}
	} else if p.RouteID != "" {
		fields["id"] = p.RouteID
	}
	fields["reason"], fields["error"] = p.Reason, errorText(p)
	return json.Marshal(fields)
}

func (v invalidRoutes) text(w io.Writer, from, to int) error {
	for i, p := range v.problems[from:to] {
		if i > 0 {
			io.WriteString(w, "\n")
		}
		head := p.Reason
		if p.RouteID != "" {
			head = "route " + p.RouteID + ": " + p.Reason
		}
		if err := comment(w, head+": "+errorText(p)); err != nil {
			return err
		}
		if err := v.definition(w, p); err != nil {
			return err
		}
	}
	return nil
}

func (v invalidRoutes) definition(w io.Writer, p source.Problem) error {
	if p.Route == nil {
		return nil
	}
	if err := v.printer.Print(w, p.Route); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func errorText(p source.Problem) string {
	if p.Err == nil {
		return ""
	}
	return p.Err.Error()
}

// comment writes text as comments of the route language.
func comment(w io.Writer, text string) error {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, line)
		if _, err := fmt.Fprintf(w, "// %s\n", strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	return nil
}
