package option

import (
	"errors"
	"fmt"
	"strings"

	"fairlead.dev/fairlead/kit/suggest"
	"fairlead.dev/fairlead/pending"
)

// ErrHelp is returned by ApplyFlags when args ask for help: -h, -help.
var ErrHelp = errors.New("help is asked for")

// ApplyFlags sets the options given in args, as Go's flag package reads them:
// one dash or two, -flag=value, -flag value unless the flag is a bool, -flag
// for a bool. It stops at the first argument that is no flag, or after "--", and
// returns the arguments from there on.
//
// A list is given once, separated by commas, or with each use of a flag that
// repeats; the values replace what the set held before. The error holds every
// mistake, joined; flags without a mistake are set.
func (s *Set) ApplyFlags(args []string) (rest []string, warnings []Warning, err error) {
	a := flagApplier{set: s, args: args, seen: map[*field]bool{}}
	for len(a.args) > 0 {
		name, value, hasValue, ok := cutFlag(a.args[0])
		if !ok {
			break
		}
		a.args = a.args[1:]
		if name == "" { // the argument "--"
			break
		}
		a.apply(name, value, hasValue)
	}
	return a.args, a.warnings, errors.Join(a.errs...)
}

// cutFlag takes an argument apart; ok is false when it is no flag. The name is
// empty for "--".
func cutFlag(arg string) (name, value string, hasValue, ok bool) {
	name, ok = strings.CutPrefix(arg, "-")
	if !ok || name == "" {
		return "", "", false, false
	}
	name = strings.TrimPrefix(name, "-")
	name, value, hasValue = strings.Cut(name, "=")
	return name, value, hasValue, true
}

type flagApplier struct {
	set      *Set
	args     []string // not yet read
	seen     map[*field]bool
	warnings []Warning
	errs     []error
}

func (a *flagApplier) apply(name, value string, hasValue bool) {
	where := "flag -" + name
	if f := registry.flag(name); f != nil {
		if !a.complete(where, f.info.Bool, f.codec.expect, &value, hasValue) {
			return
		}
		a.declared(f, where, value)
		return
	}
	if p, ok := pending.LookupFlag(name); ok && !p.KeyOnly {
		if !a.complete(where, p.Kind == pending.Bool, "a value", &value, hasValue) {
			return
		}
		w, err := checkPending(p, where, value)
		a.add(w, err)
		return
	}
	if name == "h" || name == "help" {
		a.errs = append(a.errs, ErrHelp)
		return
	}
	a.errs = append(a.errs, unknownFlag(name))
	if !hasValue && len(a.args) > 0 && !strings.HasPrefix(a.args[0], "-") {
		a.args = a.args[1:] // probably its value: go on and find further mistakes
	}
}

// complete finds the value of a flag that was written without "=". It reports
// whether there is one.
func (a *flagApplier) complete(where string, isBool bool, expect string, value *string, hasValue bool) bool {
	switch {
	case hasValue:
	case isBool:
		*value = "true"
	case len(a.args) == 0:
		a.errs = append(a.errs, fmt.Errorf("%s: no value, expected %s", where, expect))
		return false
	default:
		*value, a.args = a.args[0], a.args[1:]
	}
	return true
}

func (a *flagApplier) declared(f *field, where, value string) {
	texts := []string{value}
	if !f.info.Repeat {
		texts = f.split(value, ",")
	}
	err := a.set.assign(f, where, partsAt(where, texts), f.info.Repeat && a.seen[f])
	a.seen[f] = true
	a.add(f.deprecation(where), err)
}

func (a *flagApplier) add(w Warning, err error) {
	if err != nil {
		a.errs = append(a.errs, err)
	} else if w.Text != "" {
		a.warnings = append(a.warnings, w)
	}
}

func partsAt(where string, texts []string) []part {
	parts := make([]part, len(texts))
	for i, t := range texts {
		parts[i] = part{text: t, where: where}
	}
	return parts
}

// deprecation returns the warning about the use of f, empty when there is none.
func (f *field) deprecation(where string) Warning {
	if f.info.Deprecated == "" {
		return Warning{}
	}
	return Warning{Where: where, Option: f.info.Flag, Text: "is deprecated: " + f.info.Deprecated}
}

// checkPending checks a value of something that is known and not built yet, and
// returns the warning about it.
func checkPending(p pending.Flag, where, value string) (Warning, error) {
	if err := p.Check(value); err != nil {
		if p.Secret {
			return Warning{}, fmt.Errorf("%s: %w", where, err)
		}
		return Warning{}, fmt.Errorf("%s: found %s, %w", where, quote(value), err)
	}
	if p.Guard && value != p.Default {
		return Warning{}, fmt.Errorf("%s: asks for protection that is not there yet (%s): to start would serve without it, so fairlead does not; take the option away to go on without", where, p.Missing)
	}
	text := "accepted, has no effect yet: " + p.Missing
	if p.Never {
		text = "accepted, has no effect: " + p.Missing
	}
	return Warning{Where: where, Option: p.Name, Text: text}, nil
}

func unknownFlag(name string) error {
	if n := suggest.Nearest(name, known(false)); n != "" {
		return fmt.Errorf("flag -%s: unknown, did you mean -%s?", name, n)
	}
	return fmt.Errorf("flag -%s: unknown, `fairlead options` lists all", name)
}

// known returns every name of an option, with the keys that only the YAML file
// knows when keys is set.
func known(keys bool) []string {
	var all []string
	for _, f := range registry.fields() {
		all = append(append(all, f.info.Flag), f.info.Old...)
	}
	for _, p := range pending.Flags() {
		if keys || !p.KeyOnly {
			all = append(all, p.Name)
		}
	}
	return all
}
