package filter

// fact is what one filter says about the exchange, for filters that look it up
// by name: setContextRequestHeader, stateBagToTag.
type fact struct{ name, value string }

var facts = NewKey[[]fact]("facts")

// SetState says something about the exchange under a name that routes can refer
// to, such as "auth-user". The last value said for a name wins. Filters that talk
// to each other use a Key.
func SetState(c *Context, name, value string) {
	all, _ := facts.Get(c)
	for i := range all {
		if all[i].name == name {
			all[i].value = value
			return
		}
	}
	facts.Set(c, append(all, fact{name, value}))
}

// State returns what was said under name; ok is false when nothing was.
func State(c *Context, name string) (value string, ok bool) {
	all, _ := facts.Get(c)
	for i := range all {
		if all[i].name == name {
			return all[i].value, true
		}
	}
	return "", false
}
