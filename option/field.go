package option

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"fairlead.dev/fairlead/kit/suggest"
)

// Info describes one option: what the reference page, completion and
// `fairlead options` show.
type Info struct {
	// Group is the name given to Define.
	Group string
	// Flag is the name of the flag without dashes; the YAML key is the same.
	Flag string
	// Old lists other accepted spellings.
	Old []string
	// Env lists the environment names, the derived one first.
	Env []string
	// Type in words: bool, int, duration, list of text.
	Type string
	// OneOf lists the only values accepted; empty means any of the type.
	OneOf []string
	// Default as text; "" when there is none.
	Default string
	Doc     string
	// Secret options never show a value.
	Secret bool
	// Repeat is set for lists that grow with each use of the flag.
	Repeat bool
	// Bool flags need no value.
	Bool bool
	// Deprecated says what to use instead; "" means not deprecated.
	Deprecated string

	// Value in force as text and where it comes from; From is "" for the
	// default. Only Set.All fills them in.
	Value, From string
}

// shape says how many values an option holds.
type shape uint8

const (
	single shape = iota
	list
	mapping
)

// field is one declared option.
type field struct {
	group *group
	index int // in the struct
	info  Info
	shape shape
	codec codec // of the value, or of each element
}

func newField(g *group, index int) (*field, error) {
	sf := g.defaults.Type().Field(index)
	tag := sf.Tag
	f := &field{group: g, index: index, info: Info{
		Group:      g.name,
		Flag:       tag.Get("flag"),
		Old:        names(tag.Get("old")),
		OneOf:      names(tag.Get("oneof")),
		Doc:        tag.Get("doc"),
		Secret:     tag.Get("secret") == "true",
		Repeat:     tag.Get("repeat") == "true",
		Deprecated: tag.Get("deprecated"),
	}}
	if !sf.IsExported() {
		return nil, fmt.Errorf("field %s is not exported", sf.Name)
	}
	if !isFlagName(f.info.Flag) {
		return nil, fmt.Errorf("field %s: %q is no name for a flag: lower case, digits and dashes are", sf.Name, f.info.Flag)
	}
	if f.info.Doc == "" {
		return nil, fmt.Errorf("field %s has no doc tag", sf.Name)
	}
	if err := f.chooseCodec(sf.Type); err != nil {
		return nil, fmt.Errorf("field %s: %w", sf.Name, err)
	}
	if t := tag.Get("type"); t != "" {
		f.info.Type = t
		f.codec.expect = article(t)
	}
	f.info.Env = append([]string{EnvName(f.info.Flag)}, names(tag.Get("env"))...)
	f.info.Default = f.format(g.defaults.Field(index))
	return f, nil
}

// chooseCodec finds out what type holds and how its text is read.
func (f *field) chooseCodec(t reflect.Type) error {
	c, ok := scalar(t)
	f.shape, f.info.Type = single, c.name
	if !ok && t.Kind() == reflect.Slice {
		c, ok = scalar(t.Elem())
		f.shape, f.info.Type = list, "list of "+c.name
	}
	if !ok && t.Kind() == reflect.Map && t.Key().Kind() == reflect.String {
		c, ok = scalar(t.Elem())
		f.shape, f.info.Type = mapping, "name=value with "+c.name
	}
	if !ok {
		return fmt.Errorf("type %s is none that options know", t)
	}
	if f.info.Repeat && f.shape == single {
		return fmt.Errorf("type %s holds one value, repeat needs a list or a map", t)
	}
	f.codec = c
	f.info.Bool = f.shape == single && t.Kind() == reflect.Bool && c.name == "bool"
	return nil
}

// EnvName returns the environment name of a flag: FAIRLEAD_MAX_LOOPBACKS for
// max-loopbacks.
func EnvName(flag string) string {
	return "FAIRLEAD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func names(list string) []string {
	var out []string
	for n := range strings.SplitSeq(list, ",") {
		if n = strings.TrimSpace(n); n != "" {
			out = append(out, n)
		}
	}
	return out
}

func isFlagName(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-' && i > 0:
		default:
			return false
		}
	}
	return s != ""
}

// split cuts the text of a flag or an environment value into the parts that
// read takes.
func (f *field) split(text, separator string) []string {
	if f.shape == single {
		return []string{text}
	}
	var parts []string
	for p := range strings.SplitSeq(text, separator) {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// read stores text in v: as the value, as one more element, or as one more
// entry.
func (f *field) read(text string, v reflect.Value) error {
	switch f.shape {
	case list:
		e := reflect.New(v.Type().Elem()).Elem()
		if err := f.readOne(text, e); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
		return nil
	case mapping:
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return errNoEquals
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := f.readOne(strings.TrimSpace(value), e); err != nil {
			return err
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		v.SetMapIndex(reflect.ValueOf(strings.TrimSpace(name)).Convert(v.Type().Key()), e)
		return nil
	}
	return f.readOne(text, v)
}

func (f *field) readOne(text string, v reflect.Value) error {
	if len(f.info.OneOf) > 0 && !slices.Contains(f.info.OneOf, text) {
		hint := ""
		if n := suggest.Nearest(text, f.info.OneOf); n != "" && !f.info.Secret {
			hint = fmt.Sprintf(", did you mean %q?", n)
		}
		return notOneOf{f.info.OneOf, hint}
	}
	return f.codec.parse(text, v)
}

// format writes the whole value of the option as one text.
func (f *field) format(v reflect.Value) string {
	var parts []string
	switch f.shape {
	case single:
		return formatText(v)
	case list:
		for i := range v.Len() {
			parts = append(parts, formatText(v.Index(i)))
		}
	case mapping:
		for _, k := range v.MapKeys() {
			parts = append(parts, k.String()+"="+formatText(v.MapIndex(k)))
		}
		slices.Sort(parts)
	}
	return strings.Join(parts, ",")
}
