package cookie

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/filter"
)

// cookie is a name and a value.
type cookie struct {
	name, value string
	// pair is both as they are sent.
	pair string
}

// newCookie checks name and value (RFC 6265 4.1.1). As browsers and the peer
// do, it lets spaces and commas stand in a value, which is then quoted.
func newCookie(name, value string) (cookie, error) {
	if err := checkName(name); err != nil {
		return cookie{}, err
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '"' || c == ';' || c == '\\' {
			return cookie{}, fmt.Errorf("cookie value %q: %q may not stand in a cookie", value, c)
		}
	}
	pair := name + "=" + value
	if strings.ContainsAny(value, " ,") {
		pair = name + `="` + value + `"`
	}
	return cookie{name, value, pair}, nil
}

func checkName(name string) error {
	if filter.CheckFieldName(name) != nil {
		return fmt.Errorf("found the cookie name %q, expected letters, digits and any of !#$%%&'*+-.^_`|~", name)
	}
	return nil
}
