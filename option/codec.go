package option

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// codec reads and writes one type of value as text, the same way for flags,
// environment and YAML.
type codec struct {
	name   string // as the reference page calls the type
	expect string // what an error says was expected
	// parse stores the value of text in v. Its error is errUnexpected, or says
	// more than that the text is not what was expected.
	parse func(text string, v reflect.Value) error
	// free is set for types that may be written as a map in YAML.
	free bool
}

var errUnexpected = errors.New("not what was expected")

var (
	unmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	duration    = reflect.TypeFor[time.Duration]()
)

// scalar returns the codec of a type that is neither list nor map.
func scalar(t reflect.Type) (codec, bool) {
	switch {
	case t.Implements(unmarshaler) && t.Kind() == reflect.Pointer, reflect.PointerTo(t).Implements(unmarshaler):
		return textCodec(t), true
	case t == duration:
		return codec{name: "duration", expect: "a duration such as 500ms, 10s or 1m30s", parse: parseDuration}, true
	}
	switch t.Kind() {
	case reflect.String:
		return codec{name: "text", expect: "text", parse: parseString, free: true}, true
	case reflect.Bool:
		return codec{name: "bool", expect: "true or false", parse: parseBool}, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return codec{name: "int", expect: "a whole number", parse: parseInt}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return codec{name: "int", expect: "a whole number that is not negative", parse: parseUint}, true
	case reflect.Float32, reflect.Float64:
		return codec{name: "number", expect: "a number", parse: parseFloat}, true
	}
	return codec{}, false
}

func textCodec(t reflect.Type) codec {
	name := strings.ToLower(t.Name())
	if t.Kind() == reflect.Pointer {
		name = strings.ToLower(t.Elem().Name())
	}
	if name == "" {
		name = "text"
	}
	return codec{name: name, expect: article(name), parse: unmarshalText, free: true}
}

func unmarshalText(s string, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		if err := fresh.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
			return err
		}
		v.Set(fresh)
		return nil
	}
	// A fresh value: nothing of a former value may stay behind.
	fresh := reflect.New(v.Type())
	if err := fresh.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		return err
	}
	v.Set(fresh.Elem())
	return nil
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func parseString(s string, v reflect.Value) error {
	v.SetString(s)
	return nil
}

func parseBool(s string, v reflect.Value) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errUnexpected
	}
	v.SetBool(b)
	return nil
}

func parseInt(s string, v reflect.Value) error {
	n, err := strconv.ParseInt(s, 0, v.Type().Bits())
	if err != nil {
		return errUnexpected
	}
	v.SetInt(n)
	return nil
}

func parseUint(s string, v reflect.Value) error {
	n, err := strconv.ParseUint(s, 0, v.Type().Bits())
	if err != nil {
		return errUnexpected
	}
	v.SetUint(n)
	return nil
}

func parseFloat(s string, v reflect.Value) error {
	n, err := strconv.ParseFloat(s, v.Type().Bits())
	if err != nil || n != n || n-n != 0 { // neither NaN nor infinite
		return errUnexpected
	}
	v.SetFloat(n)
	return nil
}

func parseDuration(s string, v reflect.Value) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return fmt.Errorf("the unit is missing, did you mean %q?", s+"s")
		}
		return errUnexpected
	}
	v.SetInt(int64(d))
	return nil
}

// formatText writes v the way parse reads it.
func formatText(v reflect.Value) string {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return ""
	}
	for _, x := range addressable(v) {
		switch x := x.(type) {
		case encoding.TextMarshaler:
			b, err := x.MarshalText()
			if err != nil {
				return ""
			}
			return string(b)
		case fmt.Stringer:
			return x.String()
		}
	}
	if v.Kind() == reflect.Float32 || v.Kind() == reflect.Float64 {
		format := byte('f')
		if size := math.Abs(v.Float()); size != 0 && (size < 1e-6 || size > 1e15) {
			format = 'g'
		}
		return strconv.FormatFloat(v.Float(), format, -1, v.Type().Bits())
	}
	return fmt.Sprint(v.Interface())
}

// addressable returns v and, so that methods of the pointer are found too, a
// pointer to a copy of v.
func addressable(v reflect.Value) []any {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return []any{v.Interface(), p.Interface()}
}
