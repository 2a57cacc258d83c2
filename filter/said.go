package filter

// said is what a filter says about the exchange under a name.
type said struct{ name, value string }

// say keeps value under name in the list that key names. The last value said for a
// name wins.
func say(c *Context, key *Key[[]said], name, value string) {
	all, _ := key.Get(c)
	for i := range all {
		if all[i].name == name {
			all[i].value = value
			return
		}
	}
	key.Set(c, append(all, said{name, value}))
}

// heard returns what was said under name; ok is false when nothing was.
func heard(c *Context, key *Key[[]said], name string) (value string, ok bool) {
	all, _ := key.Get(c)
	for i := range all {
		if all[i].name == name {
			return all[i].value, true
		}
	}
	return "", false
}
