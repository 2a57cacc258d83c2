package auth

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/message"
)

const forwardDiffers = "what the client sent in the header is removed even if there is nothing to set"

var _ = filter.Define(filter.Def{
	Name:      "forwardToken",
	Params:    []arg.Param{{Name: "header", Type: arg.Text}, {Name: "field", Type: arg.Text, Optional: true, Many: true}},
	Doc:       "sets a request header to what a filter before it found out about the token, as JSON: all of it, or these fields",
	Example:   `* -> jwtValidation("https://accounts.example.org") -> forwardToken("X-Token", "sub", "email") -> "http://127.0.0.1:8080"`,
	Differs:   forwardDiffers,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &forwardToken{header: v.Text(0), fields: v.Texts(1)}, checkHeader(v, 0)
	},
})

var _ = filter.Define(filter.Def{
	Name:      "forwardTokenField",
	Params:    []arg.Param{{Name: "header", Type: arg.Text}, {Name: "field", Type: arg.Text}},
	Doc:       "sets a request header to one field of what a filter before it found out about the token; dots lead to fields of fields, and numbers into lists",
	Example:   `* -> jwtValidation("https://accounts.example.org") -> forwardTokenField("X-Uid", "sub") -> "http://127.0.0.1:8080"`,
	Differs:   forwardDiffers + "; of the query language of fields only names, dots and numbers are known",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Text(1) == "" {
			return nil, v.Wrong(1, "found an empty field, expected the name of one")
		}
		return &forwardField{header: v.Text(0), field: v.Text(1)}, checkHeader(v, 0)
	},
})

// checkHeader checks that argument i names a field that may be set to something of
// a token.
func checkHeader(v arg.Values, i int) error {
	if err := filter.CheckSettable(v.Text(i)); err != nil {
		return v.Wrong(i, "%w", err)
	}
	if message.KindOf(v.Text(i)) == message.KindHost {
		return v.Wrong(i, "found %q, expected another header: no token chooses the host", v.Text(i))
	}
	return nil
}

// claimsOf returns what is known of the sender, nil if nothing is.
func claimsOf(c *filter.Context) issuer.Claims {
	for _, key := range [...]*filter.Key[issuer.Claims]{issuer.Tokeninfo, issuer.Introspection, issuer.Identity} {
		if claims, ok := key.Get(c); ok {
			return claims
		}
	}
	return nil
}

type forwardToken struct {
	filter.RequestOnly
	header string
	fields []string
}

func (f *forwardToken) Request(c *filter.Context) {
	c.Request.Header.DelVariants(f.header)
	claims := claimsOf(c)
	if claims == nil {
		return
	}
	if len(f.fields) > 0 {
		some := make(issuer.Claims, len(f.fields))
		for key, v := range claims {
			if slices.Contains(f.fields, key) {
				some[key] = v
			}
		}
		claims = some
	}
	if text, err := asJSON(claims); err == nil {
		c.Request.Header.Set(f.header, text)
	}
}

// asJSON writes v in one line, of which every byte may stand in a field.
func asJSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

type forwardField struct {
	filter.RequestOnly
	header, field string
}

func (f *forwardField) Request(c *filter.Context) {
	c.Request.Header.DelVariants(f.header)
	claims := claimsOf(c)
	if claims == nil {
		return
	}
	v, ok := find(map[string]any(claims), f.field)
	if !ok {
		// As Skipper has it, what a login gave stands below "claims".
		v, ok = find(map[string]any(claims), strings.TrimPrefix(f.field, "claims."))
	}
	if text := asText(v); ok && text != "" {
		c.Request.Header.Set(f.header, text)
	}
}

// find goes down from v by a path of names and numbers. A field whose whole name is
// the path comes first: names may have dots.
func find(v any, path string) (any, bool) {
	switch have := v.(type) {
	case map[string]any:
		if found, ok := have[path]; ok {
			return found, true
		}
		name, rest, ok := strings.Cut(path, ".")
		if !ok {
			return nil, false
		}
		below, ok := have[name]
		if !ok {
			return nil, false
		}
		return find(below, rest)
	case []any:
		name, rest, more := strings.Cut(path, ".")
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(have) {
			return nil, false
		}
		if !more {
			return have[i], true
		}
		return find(have[i], rest)
	}
	return nil, false
}

// asText writes a JSON value as the value of a field: strings as they are.
func asText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	text, err := asJSON(v)
	if err != nil {
		return ""
	}
	return text
}
