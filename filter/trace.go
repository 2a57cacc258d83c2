package filter

// Trace is what filters say for the trace of the request.
type Trace struct {
	// SpanName is the name of the span of the request; "" means the usual one.
	SpanName string
	// Tags in the order in which they were first set.
	Tags []Tag
}

// Tag is an attribute of a span.
type Tag struct{ Key, Value string }

// mostTags bounds the tags of one request.
const mostTags = 64

// SetTag sets a tag; the last value for a key wins. A request has at most 64.
func (t *Trace) SetTag(key, value string) {
	for i := range t.Tags {
		if t.Tags[i].Key == key {
			t.Tags[i].Value = value
			return
		}
	}
	if len(t.Tags) < mostTags {
		t.Tags = append(t.Tags, Tag{key, value})
	}
}
