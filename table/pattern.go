package table

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"fairlead.dev/fairlead/message"
)

// place says where a route stands at its node of the path tree.
type place uint8

const (
	nowhere place = iota // among the routes without a path
	here                 // at the node's path
	below                // at everything under it, at least one byte
	subtree              // at its path, with or without a slash, and below
)

// pattern is the path condition of a route.
type pattern struct {
	place place
	// params is set when path has ":" segments.
	params bool
	// path is the way from the root: "" or a "/" in front of each segment. The
	// free wildcard is not part of it.
	path string
	// free is the name of the free wildcard.
	free string
}

// parsePattern reads the argument of Path or PathSubtree. An empty one is no
// condition, as with the peer.
func parsePattern(raw string, isSubtree, ignoreSlash bool) (pattern, error) {
	if raw == "" {
		return pattern{}, nil
	}
	p := pattern{place: here, path: message.CleanPath(raw)}
	if isSubtree {
		p.place, p.free = subtree, "*"
	}
	p.cutFree()
	if p.place != here || ignoreSlash && len(p.path) > 1 {
		p.path = strings.TrimSuffix(p.path, "/")
	}
	for rest := p.path; rest != ""; {
		var seg string
		seg, rest = nextSegment(rest)
		if err := p.segment(seg); err != nil {
			return pattern{}, fmt.Errorf("path %q: %w", raw, err)
		}
	}
	return p, nil
}

// cutFree takes a free wildcard off the end of the path: "/*name", "/**" or
// "/*".
func (p *pattern) cutFree() {
	i := strings.LastIndexByte(p.path, '/')
	name, ok := strings.CutPrefix(p.path[i+1:], "*")
	if !ok {
		return
	}
	if name == "" {
		name = "*"
	}
	p.path, p.free = p.path[:i], name
	if p.place == here {
		p.place = below
	}
}

// segment checks one segment and notes whether it binds a value.
func (p *pattern) segment(seg string) error {
	if seg == "" {
		return nil
	}
	switch {
	case seg[0] == ':':
		p.params = true
		return nil
	case seg[0] == '*':
		return fmt.Errorf("the free wildcard %q must be the last segment", seg)
	case strings.ContainsAny(seg, ":*"):
		return fmt.Errorf("segment %q: a wildcard (%q or %q) takes a whole segment; use PathRegexp for parts of one", seg, ":", "*")
	}
	return nil
}

var errTwoPaths = errors.New("more than one Path or PathSubtree predicate: a route may have one")

// nextSegment splits a path that starts with a slash after its first segment.
func nextSegment(path string) (seg, rest string) {
	path = path[1:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// bind appends the values that the pattern's wildcards take from path, which
// the pattern must match.
func (p *pattern) bind(path string, params message.Params) message.Params {
	if !p.params && p.free == "" {
		return params
	}
	for rest := p.path; rest != ""; {
		var seg, value string
		seg, rest = nextSegment(rest)
		value, path = nextSegment(path)
		if len(seg) > 1 && seg[0] == ':' {
			params = append(params, message.Param{Name: seg[1:], Value: unescape(value)})
		}
	}
	if p.free == "" {
		return params
	}
	if path == "" {
		path = "/"
	}
	return append(params, message.Param{Name: p.free, Value: unescape(path)})
}

// unescape decodes a value a second time, "+" included, as the peer does (spec
// 1.6, step 7). What cannot be decoded stays as it is.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}
