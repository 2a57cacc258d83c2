package path

import (
	"errors"
	"fmt"
	"strings"

	"fairlead.dev/fairlead/message"
)

// parse checks a path pattern and returns it clean. Segments are literal,
// ":name" for any one segment, or, at the end, "*name" for everything that is
// left; "*" alone is the same as "**" (spec 1.2).
func parse(pattern string) (string, error) {
	if pattern == "" {
		return "", errors.New(`the path is empty, expected one such as "/api/:id"`)
	}
	pattern = message.CleanPath(pattern)
	rest := pattern[1:]
	for {
		segment, after, more := strings.Cut(rest, "/")
		if err := checkSegment(segment, more); err != nil {
			return "", fmt.Errorf("path %q: %w", pattern, err)
		}
		if !more {
			break
		}
		rest = after
	}
	if strings.HasSuffix(pattern, "/*") {
		pattern += "*"
	}
	return pattern, nil
}

// checkSegment checks one segment; more says whether a slash follows.
func checkSegment(segment string, more bool) error {
	i := strings.IndexAny(segment, ":*")
	switch {
	case i < 0:
		return nil
	case i > 0:
		return fmt.Errorf("%q in the middle of the segment %q: a wildcard is a whole segment, use PathRegexp for anything else", segment[i], segment)
	case segment[0] == '*' && more:
		return fmt.Errorf(`the free wildcard %q must be last, use ":%s" for one segment`, segment, strings.Trim(segment, "*"))
	case segment == ":":
		return errors.New(`a wildcard without a name, expected one such as ":id"`)
	}
	name := segment[1:]
	if j := strings.IndexAny(name, ":*"); j >= 0 && segment != "**" {
		return fmt.Errorf("%q in the name of the wildcard %q", name[j], segment)
	}
	return nil
}

// match reports whether a clean path matches a checked pattern. The routing
// table has its own, faster way for many patterns at once.
func match(pattern, path string) bool {
	for {
		segment, pattern1, more := strings.Cut(pattern, "/")
		if strings.HasPrefix(segment, "*") {
			return path != ""
		}
		part, path1, pathMore := strings.Cut(path, "/")
		if strings.HasPrefix(segment, ":") {
			if part == "" {
				return false
			}
		} else if segment != part {
			return false
		}
		if !more || !pathMore {
			return more == pathMore
		}
		pattern, path = pattern1, path1
	}
}
