package usage

import (
	"fmt"
	"regexp"
	"strings"
)

// longestTemplate bounds a path template.
const longestTemplate = 2048

// template is a path template: as it stands in keys, and what paths it means.
type template struct {
	name    string // without slashes at the ends, placeholders as {name}
	matcher *regexp.Regexp
}

// readTemplate reads a template such as /orders/{order-id} or orders/:order-id. A
// placeholder stands for at least one character, {name?} also for none; it may go over
// slashes.
func readTemplate(text string) (*template, error) {
	if text == "" || len(text) > longestTemplate {
		return nil, fmt.Errorf("found a path template of %d bytes, expected 1 to %d", len(text), longestTemplate)
	}
	var name, pattern strings.Builder
	pattern.WriteString("^/*")
	first := true
	for segment := range strings.SplitSeq(text, "/") {
		if segment == "" {
			continue
		}
		if !first {
			name.WriteByte('/')
			pattern.WriteString("/+")
		}
		if rest, ok := strings.CutPrefix(segment, ":"); ok && !first && !strings.ContainsAny(rest, ":{}") {
			segment = "{" + rest + "}"
		}
		first = false
		readSegment(segment, &name, &pattern)
	}
	pattern.WriteString("/*$")
	matcher, err := regexp.Compile(pattern.String())
	if err != nil {
		return nil, fmt.Errorf("path template %q: %w", text, err)
	}
	return &template{name.String(), matcher}, nil
}

// readSegment writes a segment as it stands in keys, and as an expression.
func readSegment(segment string, name, pattern *strings.Builder) {
	for segment != "" {
		open := strings.IndexByte(segment, '{')
		end := -1
		if open >= 0 {
			end = strings.IndexByte(segment[open:], '}')
		}
		if end < 0 {
			break
		}
		end += open
		name.WriteString(segment[:open])
		pattern.WriteString(regexp.QuoteMeta(segment[:open]))
		variable, optional := strings.CutSuffix(segment[open+1:end], "?")
		name.WriteString("{" + variable + "}")
		if optional {
			pattern.WriteString(".*")
		} else {
			pattern.WriteString(".+")
		}
		segment = segment[end+1:]
	}
	name.WriteString(segment)
	pattern.WriteString(regexp.QuoteMeta(segment))
}
