package table

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"fairlead.dev/fairlead/message"
)

// maxPattern bounds a path pattern, and with it the depth of the tree.
const maxPattern = 8 << 10

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
	// params is set when there are ":" segments.
	params bool
	// base is how much of text is the way from the root: a "/" in front of each
	// segment. A free wildcard, and the slash at the end where it means
	// nothing, are not part of it.
	base int32
	text string // clean
}

func (p *pattern) way() string { return p.text[:p.base] }

// free returns the name of the free wildcard; "" when there is none.
func (p *pattern) free() string {
	if p.place == here {
		return ""
	}
	tail := p.text[p.base:] // "/*name", "/**", "/*", "/" or ""
	if name := strings.TrimPrefix(strings.TrimPrefix(tail, "/"), "*"); name != "" {
		return name
	}
	return "*"
}

// parsePattern reads the argument of Path or PathSubtree. An empty one is no
// condition, as with the peer.
func parsePattern(raw string, isSubtree, ignoreSlash bool) (pattern, error) {
	if raw == "" {
		return pattern{}, nil
	}
	p := pattern{place: here, text: message.CleanPath(raw)}
	if len(p.text) > maxPattern {
		return pattern{}, fmt.Errorf("path %.40q...: %d bytes long, at most %d are allowed", p.text, len(p.text), maxPattern)
	}
	way := p.text
	if i := strings.LastIndexByte(way, '/'); strings.HasPrefix(way[i+1:], "*") {
		p.place, way = below, way[:i]
	}
	if isSubtree {
		p.place = subtree
	}
	if p.place != here || ignoreSlash && len(way) > 1 {
		way = strings.TrimSuffix(way, "/")
	}
	p.base = int32(len(way))
	for way != "" {
		var seg string
		seg, way = nextSegment(way)
		if err := p.segment(seg); err != nil {
			return pattern{}, fmt.Errorf("path %q: %w", raw, err)
		}
	}
	return p, nil
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
	if !p.params && p.place == here {
		return params
	}
	for way := p.way(); way != ""; {
		var seg, value string
		seg, way = nextSegment(way)
		value, path = nextSegment(path)
		if len(seg) > 1 && seg[0] == ':' {
			params = append(params, message.Param{Name: seg[1:], Value: unescape(value)})
		}
	}
	if p.place == here {
		return params
	}
	if path == "" {
		path = "/"
	}
	return append(params, message.Param{Name: p.free(), Value: unescape(path)})
}

// match reports whether the pattern matches path, which starts with a slash.
// Lookup does not need it: there the tree knows.
func (p *pattern) match(path string) bool {
	for way := p.way(); way != ""; {
		if path == "" {
			return false
		}
		var seg, value string
		seg, way = nextSegment(way)
		value, path = nextSegment(path)
		if seg != "" && seg[0] == ':' {
			if value == "" {
				return false
			}
		} else if seg != value {
			return false
		}
	}
	switch p.place {
	case here:
		return path == ""
	case below:
		return len(path) > 1
	}
	return true
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
