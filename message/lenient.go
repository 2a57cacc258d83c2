package message

import "strings"

// mostDecodings bounds how often a backend is taken to decode a path again.
const mostDecodings = 3

// Ambiguous reports whether a cleaned path means another one to backends that
// are more lenient than RFC 3986: such as decode once more, take "\" for "/",
// cut ";parameters" off segments before they resolve dots, or decode "." and "/"
// from two bytes. Whether a route allows what such a backend is asked for cannot
// be said. Paths of honest clients have no "..;" and no "%252e%252e".
func Ambiguous(path string) bool {
	if strings.IndexByte(path, '.') < 0 && strings.IndexByte(path, '%') < 0 && strings.IndexByte(path, '\xc0') < 0 {
		return false
	}
	if !strings.ContainsAny(path, ";\\%") && strings.IndexByte(path, '\xc0') < 0 {
		return false
	}
	for range mostDecodings {
		if hasDots(path) {
			return true
		}
		again, ok := UnescapePath(path)
		if !ok || len(again) == len(path) {
			return false
		}
		path = again
	}
	return hasDots(path)
}

// hasDots reports whether a lenient server finds a dot segment in path.
func hasDots(path string) bool {
	if strings.IndexByte(path, '\xc0') >= 0 { // overlong UTF-8, RFC 3629 10
		path = strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/").Replace(path)
	}
	for i := 0; i < len(path); i++ {
		if path[i] != '.' || i > 0 && path[i-1] != '/' && path[i-1] != '\\' {
			continue
		}
		end := i + 1
		if end < len(path) && path[end] == '.' {
			end++
		}
		if end == len(path) || strings.IndexByte(`/\;`, path[end]) >= 0 {
			return true
		}
	}
	return false
}
