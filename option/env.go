package option

import (
	"errors"

	"fairlead.dev/fairlead/pending"
)

// ApplyEnv sets the options that the environment gives, by the names of
// Info.Env; the derived name wins over the others. lookup is os.LookupEnv. An
// empty variable counts as not set.
//
// A list is separated by commas; one that repeats by line ends, because its
// values may hold commas. The error holds every mistake, joined.
func (s *Set) ApplyEnv(lookup func(name string) (string, bool)) (warnings []Warning, err error) {
	var errs []error
	for _, f := range registry.fields() {
		name, value := find(lookup, f.info.Env)
		if value == "" {
			continue
		}
		where := "environment " + name
		separator := ","
		if f.info.Repeat {
			separator = "\n"
		}
		if err := s.assign(f, where, partsAt(where, f.split(value, separator)), false); err != nil {
			errs = append(errs, err)
		} else if w := f.deprecation(where); w.Text != "" {
			warnings = append(warnings, w)
		}
	}
	for _, p := range pending.Flags() {
		name, value := find(lookup, []string{EnvName(p.Name)})
		if value == "" || registry.flag(p.Name) != nil {
			continue
		}
		w, err := checkPending(p, "environment "+name, value)
		if err != nil {
			errs = append(errs, err)
		} else {
			warnings = append(warnings, w)
		}
	}
	return warnings, errors.Join(errs...)
}

func find(lookup func(string) (string, bool), names []string) (name, value string) {
	for _, n := range names {
		if v, ok := lookup(n); ok && v != "" {
			return n, v
		}
	}
	return "", ""
}
