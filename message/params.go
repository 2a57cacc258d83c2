package message

// Param is a value bound by a path predicate.
type Param struct{ Name, Value string }

// Params are the bound values in path order.
type Params []Param

// Get returns the value called name; ok is false when there is none.
func (p Params) Get(name string) (value string, ok bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value, true
		}
	}
	return "", false
}
