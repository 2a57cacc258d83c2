package filter

// facts are what filters say about the exchange for others that look it up by name:
// setContextRequestHeader, stateBagToTag.
var facts = NewKey[[]said]("facts")

// SetState says something about the exchange under a name that routes can refer
// to, such as "auth-user". The last value said for a name wins. Filters that talk
// to each other use a Key.
func SetState(c *Context, name, value string) { say(c, facts, name, value) }

// State returns what was said under name; ok is false when nothing was.
func State(c *Context, name string) (value string, ok bool) { return heard(c, facts, name) }
