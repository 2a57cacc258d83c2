package filter

// annotations are what annotate() said about the route.
var annotations = NewKey[[]said]("annotations")

// Annotate tells the filters that follow that key is value. The last value
// said for a key wins.
func Annotate(c *Context, key, value string) { say(c, annotations, key, value) }

// Annotation returns what was said about key; ok is false when nothing was.
func Annotation(c *Context, key string) (value string, ok bool) { return heard(c, annotations, key) }
