package option

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Warning is something about the given options that people should know and
// that does not stop the program.
type Warning struct {
	// Where the option was given: `flag -x`, `environment FAIRLEAD_X`,
	// `a.yaml:3:1: key "x"`.
	Where string
	// Option is its name, without dashes.
	Option string
	// Text says what is the matter.
	Text string
}

// String writes the warning as one line.
func (w Warning) String() string { return w.Where + ": " + w.Text }

// part is one piece of the value of an option and where it was found.
type part struct{ text, where string }

// assign sets f to parts. With grow they are added to what f holds. The default
// is never changed: slices and maps are made anew.
func (s *Set) assign(f *field, where string, parts []part, grow bool) error {
	old := s.value(f)
	v := reflect.New(old.Type()).Elem()
	if grow {
		v.Set(clone(old))
	}
	for _, p := range parts {
		if err := f.read(p.text, v); err != nil {
			return f.problem(p, err)
		}
	}
	old.Set(v)
	s.from[f] = where
	return nil
}

func clone(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Slice:
		return reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()+1), v)
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		for _, k := range v.MapKeys() {
			m.SetMapIndex(k, v.MapIndex(k))
		}
		return m
	}
	return v
}

var errNoEquals = errors.New(`no "="`)

// notOneOf says that a text is none of a closed list.
type notOneOf struct {
	list []string
	hint string
}

func (e notOneOf) Error() string {
	quoted := make([]string, len(e.list))
	for i, s := range e.list {
		quoted[i] = strconv.Quote(s)
	}
	return strings.Join(quoted, ", ")
}

// problem words an error of read: where, what was found, what is expected. The
// value of a secret is not repeated.
func (f *field) problem(p part, err error) error {
	found := "found " + quote(p.text)
	if f.info.Secret {
		found = "found a value (not shown: it is a secret)"
	}
	var closed notOneOf
	switch {
	case errors.Is(err, errUnexpected):
		return fmt.Errorf("%s: %s, expected %s", p.where, found, f.codec.expect)
	case errors.Is(err, errNoEquals):
		return fmt.Errorf("%s: %s, expected name=value", p.where, found)
	case errors.As(err, &closed):
		return fmt.Errorf("%s: %s, expected one of %w%s", p.where, found, err, closed.hint)
	case f.info.Secret: // the error of a type may quote what it read
		return fmt.Errorf("%s: %s, expected %s", p.where, found, f.codec.expect)
	}
	return fmt.Errorf("%s: %s, expected %s: %w", p.where, found, f.codec.expect, err)
}

// quote writes a value for an error, cut when it is long.
func quote(s string) string {
	const most = 80
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%q... (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
}

// All returns every option with its value in force, sorted by flag. The values
// of secrets are left out.
func (s *Set) All() []Info {
	var all []Info
	for _, f := range registry.fields() {
		info := f.info
		if s != nil {
			info.From = s.from[f]
			if info.Value = f.format(s.value(f)); info.Secret && info.Value != "" {
				info.Value = "(secret)"
			}
		}
		if info.Secret && info.Default != "" {
			info.Default = "(secret)"
		}
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b Info) int { return strings.Compare(a.Flag, b.Flag) })
	return all
}
