package filter

type annotation struct{ key, value string }

// annotations are what annotate() said about the route.
var annotations = NewKey[[]annotation]("annotations")

// Annotate tells the filters that follow that key is value. The last value
// said for a key wins.
func Annotate(c *Context, key, value string) {
	all, _ := annotations.Get(c)
	for i := range all {
		if all[i].key == key {
			all[i].value = value
			return
		}
	}
	annotations.Set(c, append(all, annotation{key, value}))
}

// Annotation returns what was said about key; ok is false when nothing was.
func Annotation(c *Context, key string) (value string, ok bool) {
	all, _ := annotations.Get(c)
	for i := range all {
		if all[i].key == key {
			return all[i].value, true
		}
	}
	return "", false
}
