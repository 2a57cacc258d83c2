// Package pairs reads settings that are written as name=value, such as
//
//	attempts=3,statuses=502-504,599,timeout=1s,budget=20%
//
// The walk: Read splits the text and hands each value to the Field of its name. A
// piece without "=" goes on with the value before it, so that lists need no other
// separator.
//
// It promises one error for each mistake: which setting, what was found and what is
// expected. It does not know what settings mean.
//
// Start reading at Read.
package pairs

import (
	"errors"
	"fmt"
	"strings"

	"fairlead.dev/fairlead/kit/suggest"
)

// Field is a setting that may be written.
type Field struct {
	Name string
	// Read takes the value. Its error says what was found and what is expected.
	Read func(value string) error
}

// Read reads text. The error names the setting; what comes behind a mistake is not
// looked at.
func Read(text string, fields ...Field) error {
	seen := map[string]bool{}
	for text != "" {
		name, value, rest, err := next(text)
		if err != nil {
			return err
		}
		f, err := find(fields, name)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%s stands twice", name)
		}
		seen[name] = true
		if err := f.Read(value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		text = rest
	}
	if len(seen) == 0 {
		return errors.New(`found "", expected name=value`)
	}
	return nil
}

// next cuts the first setting off text.
func next(text string) (name, value, rest string, err error) {
	first, rest, _ := strings.Cut(text, ",")
	name, value, ok := strings.Cut(first, "=")
	name = strings.TrimSpace(name)
	if !ok {
		return "", "", "", fmt.Errorf("found %q, expected name=value", show(name))
	}
	for rest != "" {
		piece, behind, _ := strings.Cut(rest, ",")
		if strings.Contains(piece, "=") {
			break
		}
		value += "," + piece
		rest = behind
	}
	return name, strings.TrimSpace(value), rest, nil
}

func find(fields []Field, name string) (Field, error) {
	known := make([]string, len(fields))
	for i, f := range fields {
		if f.Name == name {
			return f, nil
		}
		known[i] = f.Name
	}
	if n := suggest.Nearest(name, known); n != "" {
		return Field{}, fmt.Errorf("unknown setting %q, did you mean %q?", show(name), n)
	}
	return Field{}, fmt.Errorf("unknown setting %q, expected one of %s", show(name), strings.Join(known, ", "))
}

// show cuts what is too long to be read in an error.
func show(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
