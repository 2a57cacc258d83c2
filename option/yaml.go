package option

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"fairlead.dev/fairlead/kit/suggest"
	"fairlead.dev/fairlead/pending"
)

// ApplyYAML sets the options that a YAML document gives: one map whose keys are
// the names of flags (spec 1.9). file is its name for messages.
//
// A list is a YAML list, or one text as the flag takes it. An option written
// name=value is a YAML map or a text. A key without a value is as if it were
// not there.
// An unknown key is a warning (the peer ignores it silently). The error holds
// every mistake with file, line and column, joined; keys without a mistake are
// set.
func (s *Set) ApplyYAML(file string, data []byte) (warnings []Warning, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil // empty, or comments only
		}
		return nil, syntaxError(file, err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, syntaxError(file, err)
		}
		return nil, fmt.Errorf("%s:%d:%d: found a second document, expected one", file, more.Line, more.Column)
	}
	a := yamlApplier{set: s, file: file, lines: map[string]int{}}
	root := resolve(&doc)
	switch {
	case root.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(root.Content); i += 2 {
			a.apply(root.Content[i], root.Content[i+1])
		}
	case !isNull(root):
		return nil, fmt.Errorf("%s: found %s, expected option names with their values, such as \"address: :8080\"", at(file, root), describe(root))
	}
	return a.warnings, errors.Join(a.errs...)
}

// syntaxError puts the line, which the library writes as "yaml: line 3: ...",
// where all other errors have it.
func syntaxError(file string, err error) error {
	if line, rest, ok := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: line "), ": "); ok {
		if n, convErr := strconv.Atoi(line); convErr == nil {
			return fmt.Errorf("%s:%d: not YAML: %s", file, n, rest)
		}
	}
	return fmt.Errorf("%s: not YAML: %w", file, err)
}

type yamlApplier struct {
	set      *Set
	file     string
	lines    map[string]int // key -> line of its first use
	warnings []Warning
	errs     []error
}

func (a *yamlApplier) apply(key, value *yaml.Node) {
	if key.Kind != yaml.ScalarNode {
		a.errs = append(a.errs, fmt.Errorf("%s: found %s as a key, expected the name of an option", at(a.file, key), describe(key)))
		return
	}
	where := fmt.Sprintf("%s: key %q", at(a.file, key), key.Value)
	if line := a.lines[key.Value]; line > 0 {
		a.errs = append(a.errs, fmt.Errorf("%s: stands in line %d already", where, line))
		return
	}
	a.lines[key.Value] = key.Line
	f := registry.flag(key.Value)
	p, known := pending.LookupFlag(key.Value)
	value = resolve(value)
	switch {
	case isNull(value) && (f != nil || known):
	case f != nil:
		a.add(f.deprecation(where), a.declared(f, where, value))
	case known:
		a.add(a.pending(p, where, value))
	default:
		text := "unknown option, ignored"
		if len(a.warnings) < mostHints {
			text += hint(key.Value)
		}
		a.warnings = append(a.warnings, Warning{Where: where, Option: key.Value, Text: text})
	}
}

// mostHints bounds the time spent on a file that has nothing to do with us.
const mostHints = 100

func hint(name string) string {
	if n := suggest.Nearest(name, known(true)); n != "" {
		return fmt.Sprintf(", did you mean %q?", n)
	}
	return ""
}

func (a *yamlApplier) add(w Warning, err error) {
	if err != nil {
		a.errs = append(a.errs, err)
	} else if w.Text != "" {
		a.warnings = append(a.warnings, w)
	}
}

// declared sets an option that exists.
func (a *yamlApplier) declared(f *field, where string, value *yaml.Node) error {
	texts, ok := a.texts(f, where, value)
	if !ok {
		expect := f.codec.expect
		if f.shape != single {
			expect = article(f.info.Type)
		}
		return fmt.Errorf("%s: found %s, expected %s", where, describe(value), expect)
	}
	return a.set.assign(f, where, texts, false)
}

// texts turns a YAML value into the texts that f reads; ok is false when it has
// a form that f does not have.
func (a *yamlApplier) texts(f *field, where string, value *yaml.Node) (texts []part, ok bool) {
	switch {
	case f.info.Bool && value.Kind == yaml.ScalarNode:
		return []part{{boolText(value), where}}, true
	case value.Kind == yaml.ScalarNode && !f.info.Repeat:
		return partsAt(where, f.split(value.Value, ",")), true
	case value.Kind == yaml.SequenceNode && f.shape != single:
		return a.elements(f, where, value)
	case value.Kind == yaml.MappingNode && f.shape == mapping:
		return a.entries(where, value)
	}
	s, ok := f.flatten(value)
	return []part{{s, where}}, ok
}

// boolText returns the text of a bool. The peer reads YAML 1.1, where yes, no,
// on and off are bools, too.
func boolText(n *yaml.Node) string {
	switch strings.ToLower(n.Value) {
	case "yes", "on":
		return "true"
	case "no", "off":
		return "false"
	}
	return n.Value
}

// flatten returns one value as the flag takes it. What is written k=v,k=v on
// the command line may be a map in YAML (spec 1.9: breaker, ratelimits).
func (f *field) flatten(n *yaml.Node) (text string, ok bool) {
	if n.Kind == yaml.ScalarNode {
		return n.Value, true
	}
	if n.Kind != yaml.MappingNode || !f.codec.free || f.shape == list && !f.info.Repeat {
		return "", false
	}
	pairs := make([]string, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolve(n.Content[i]), resolve(n.Content[i+1])
		if k.Kind != yaml.ScalarNode || v.Kind != yaml.ScalarNode {
			return "", false
		}
		pairs = append(pairs, k.Value+"="+v.Value)
	}
	return strings.Join(pairs, ","), true
}

// elements reads a list; each element has its own place.
func (a *yamlApplier) elements(f *field, where string, list *yaml.Node) (parts []part, ok bool) {
	for _, n := range list.Content {
		s, ok := f.flatten(resolve(n))
		if !ok {
			return nil, false
		}
		parts = append(parts, part{s, a.move(where, n)})
	}
	return parts, true
}

// entries reads a map as texts of the form key=value.
func (a *yamlApplier) entries(where string, m *yaml.Node) (parts []part, ok bool) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := resolve(m.Content[i]), resolve(m.Content[i+1])
		if k.Kind != yaml.ScalarNode || v.Kind != yaml.ScalarNode {
			return nil, false
		}
		parts = append(parts, part{k.Value + "=" + v.Value, a.move(where, k)})
	}
	return parts, true
}

// move returns where with the place of n instead of the key's.
func (a *yamlApplier) move(where string, n *yaml.Node) string {
	return at(a.file, n) + where[strings.LastIndex(where, ": key "):]
}

// pending checks a value of an option that is not built yet. A list or a map is
// taken as it is, where one can be.
func (a *yamlApplier) pending(p pending.Flag, where string, value *yaml.Node) (Warning, error) {
	s := "(" + describe(value) + ")"
	switch {
	case value.Kind == yaml.ScalarNode && p.Kind == pending.Bool:
		s = boolText(value)
	case value.Kind == yaml.ScalarNode:
		s = value.Value
	case p.Kind != pending.Text && p.Kind != pending.YAML:
		return Warning{}, fmt.Errorf("%s: found %s, expected a %s", where, describe(value), p.Kind)
	}
	return checkPending(p, where, s)
}

// resolve steps through the document node and one alias. An alias to an alias
// cannot be written.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" || n.Kind == 0
}

func at(file string, n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", file, n.Line, n.Column)
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	return quote(n.Value)
}
