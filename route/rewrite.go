package route

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
)

// ClonePrefix stands before the id of a route in that of its clone.
const ClonePrefix = "clone_"

// Rewriter changes definitions as they come from the sources, before they are
// compiled: default filters around them, then clones, then edits (spec 1.7). It
// never changes, and is safe for concurrent use.
type Rewriter struct {
	around      *Compiler // its default filters
	clone, edit []substitution
}

// substitution replaces what matches in the text of one predicate or filter.
type substitution struct {
	option string
	expr   *regexp.Regexp
	by     string
}

// newRewriter returns nil when the options ask for nothing.
func newRewriter(clone, edit []string) (*Rewriter, error) {
	if len(clone)+len(edit) == 0 {
		return nil, nil
	}
	w := &Rewriter{}
	var errs []error
	for _, o := range []struct {
		option string
		texts  []string
		to     *[]substitution
	}{{"clone-route", clone, &w.clone}, {"edit-route", edit, &w.edit}} {
		for _, text := range o.texts {
			s, err := parseSubstitution(text)
			if err != nil {
				errs = append(errs, fmt.Errorf("option %s: %w", o.option, err))
				continue
			}
			s.option = o.option
			*o.to = append(*o.to, s)
		}
	}
	return w, errors.Join(errs...)
}

// parseSubstitution reads /expression/replacement/ with any separator.
func parseSubstitution(text string) (substitution, error) {
	sep, size := utf8.DecodeRuneInString(text)
	parts := strings.Split(text[size:], string(sep))
	if size == 0 || len(parts) != 3 || parts[0] == "" || parts[2] != "" {
		return substitution{}, fmt.Errorf("found %s, expected /expression/replacement/, where the first character, which may be another, separates them and stands nowhere else", strconv.Quote(text))
	}
	if err := arg.CheckRegexp(parts[0]); err != nil {
		return substitution{}, fmt.Errorf("found %s: %w", strconv.Quote(text), err)
	}
	expr, err := regexp.Compile(parts[0])
	if err != nil {
		return substitution{}, fmt.Errorf("found %s: %w", strconv.Quote(text), err)
	}
	return substitution{expr: expr, by: parts[1]}, nil
}

// Clones reports whether routes may get clones.
func (w *Rewriter) Clones() bool { return len(w.clone) > 0 }

// Rewrite returns what a definition becomes: itself, changed or not, and its clone
// if an expression for clones matches. What cannot be read once it is changed is a
// problem. def is never changed.
func (w *Rewriter) Rewrite(def *eskip.Route) (defs []*eskip.Route, problems []source.Problem) {
	whole := w.around.Effective(def)
	candidates := []*eskip.Route{whole}
	if w.Clones() {
		twin, changed, err := substitute(whole, w.clone)
		if changed {
			named := *twin
			named.ID = ClonePrefix + def.ID
			if err != nil {
				problems = append(problems, rewriteProblem(&named, err))
			} else {
				candidates = append(candidates, &named)
			}
		}
	}
	for _, c := range candidates {
		edited, _, err := substitute(c, w.edit)
		if err != nil {
			problems = append(problems, rewriteProblem(c, err))
			continue
		}
		defs = append(defs, edited)
	}
	return defs, problems
}

func rewriteProblem(def *eskip.Route, err error) source.Problem {
	return source.Problem{RouteID: def.ID, Reason: Other, Err: at(def.Pos, err), Route: def}
}

// substitute returns def with all substitutions applied to the text of each
// predicate and filter: def itself when nothing matches.
func substitute(def *eskip.Route, all []substitution) (changed *eskip.Route, touched bool, err error) {
	predicates, p, wrong := substituteCalls(def.Predicates, all, "predicate", eskip.ParsePredicates)
	filters, f, wrong2 := substituteCalls(def.Filters, all, "filter", eskip.ParseFilters)
	if !p && !f {
		return def, false, nil
	}
	next := *def
	next.Predicates, next.Filters = predicates, filters
	if wrong = append(wrong, wrong2...); len(wrong) == 0 {
		if err := eskip.Check(&next); err != nil {
			wrong = faults{{Other, fmt.Errorf("changed by %s: %w", all[0].option, firstOf(err))}}
		}
	}
	if len(wrong) > 0 {
		return &next, true, wrong
	}
	return &next, true, nil
}

func substituteCalls(calls []eskip.Call, all []substitution, kind string, parse func(string) ([]eskip.Call, error)) (changed []eskip.Call, touched bool, wrong faults) {
	for i := range calls {
		text := calls[i].String()
		next := text
		for _, s := range all {
			next = s.expr.ReplaceAllString(next, s.by)
		}
		if next == text {
			if touched {
				changed = append(changed, calls[i])
			}
			continue
		}
		if !touched {
			changed, touched = slices.Clone(calls[:i]), true
		}
		parsed, err := parse(next)
		if err != nil {
			wrong = append(wrong, fault{Other, fmt.Errorf("%s %s, changed by %s to %s: %w", kind, strconv.Quote(text), all[0].option, strconv.Quote(next), firstOf(err))})
			continue
		}
		for _, c := range parsed {
			c.Pos = calls[i].Pos
			changed = append(changed, c)
		}
	}
	if !touched {
		return calls, false, nil
	}
	return changed, true, wrong
}

// firstOf returns the first of the mistakes in a text, which is one line.
func firstOf(err error) error {
	if all, ok := errors.AsType[eskip.ErrorList](err); ok && len(all) > 0 {
		return all[0]
	}
	return err
}
